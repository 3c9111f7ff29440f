import API
import Auth

/// What may be done to a server in the state it is in.
enum ServerGuard {
  static func checkLock(_ server: Server, _ principal: Principal) throws {
    if server.locked, !principal.isAdmin { throw Fault.conflict("Instance \(server.id) is locked") }
  }

  /// Refuses while another action goes on, and outside the `vm_state`s given.
  static func check(_ server: Server, _ action: String, in states: Set<String>) throws {
    if let task = server.deleting ? "deleting" : server.action.map({ _ in server.state.task ?? "scheduling" }) {
      throw Fault.conflict("Cannot '\(action)' instance \(server.id) while it is in task_state \(task)")
    }
    guard states.contains(server.state.vm) else {
      throw Fault.conflict("Cannot '\(action)' instance \(server.id) while it is in vm_state \(server.state.vm)")
    }
  }

  /// Refuses where the server lives nowhere.
  static func checkHost(_ server: Server, _ action: String) throws -> String {
    guard let node = server.nodeID else {
      throw Fault.conflict("Cannot '\(action)' instance \(server.id): it was never placed on a host")
    }
    return node
  }
}
