public import API
import Auth
public import Contracts
public import Converge
import Kit
public import Logging
public import Store
import Synchronization

/// The network service: networks, subnets, ports, routers, floating addresses and security groups (Neutron v2.0), and
/// what each node should hold of them.
public final class NetworksService: Sendable {
  /// Its tables. NodeLink's migrations must have run before.
  public static var migrations: [Migration] { NetworksSchema.migrations }

  let store: any Store
  let logger: Logger
  private let follower = Mutex<(any PortFollower)?>(nil)

  public init(store: any Store, logger: Logger) {
    self.store = store
    self.logger = logger
  }

  /// Names who is told when a server's ports change through this service's own API.
  public func follow(with follower: any PortFollower) { self.follower.withLock { $0 = follower } }

  /// Its routes, below `/network`.
  public var api: ServiceAPI {
    ServiceAPI(prefix: "network", faultStyle: .neutron, routes: routes)
  }

  /// Its loops.
  public var convergers: [any Converger] { [ProjectionConverger(networks: self)] }

  /// Runs `body` in a transaction; at its end the manifests say what the tables say, and servers are told.
  func write<T: Sendable>(_ call: Call, _ body: @escaping @Sendable (Change) throws -> T) async throws -> T {
    try await write(requestID: call.requestID, body)
  }

  func write<T: Sendable>(requestID: String?, _ body: @escaping @Sendable (Change) throws -> T) async throws -> T {
    let follower = follower.withLock { $0 }
    do {
      return try await store.write { tx in
        let change = Change(tx, requestID: requestID)
        let value = try body(change)
        try change.finish()
        if !change.servers.isEmpty {
          try follower?.portsChanged(tx, servers: change.servers.sorted(), requestID: requestID)
        }
        return value
      }
    } catch let error as StoreError where error.kind == .unique {
      throw Fault.conflict("Another request was quicker: what this one asks for is taken.", type: "Conflict")
    }
  }
}
