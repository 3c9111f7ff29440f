import API
import Auth

extension Call {
  /// Whether the caller may read everything of identity: an administrator, or a reader of the system.
  var mayRead: Bool { may(Permission("identity:read", .systemReader)) }

  /// Lets a user itself in, and those who may read everything. Throws `Fault` 403.
  func requireSelfOrReader(_ userID: String, _ name: String) throws {
    if try principal().userID == userID || mayRead { return }
    throw Fault.forbidden("Policy doesn't allow \(name) to be performed.")
  }

  /// Lets a user itself in, and administrators. Throws `Fault` 403.
  func requireSelfOrAdmin(_ userID: String, _ name: String) throws {
    if try principal().userID == userID || principal().isAdmin { return }
    throw Fault.forbidden("Policy doesn't allow \(name) to be performed.")
  }

  /// Lets only a user itself in. Throws `Fault` 403.
  func requireSelf(_ userID: String, _ name: String) throws {
    if try principal().userID == userID { return }
    throw Fault.forbidden("Policy doesn't allow \(name) to be performed.")
  }
}

extension Route {
  /// A route about a user's own means of getting in: a delegated token may not use it, unless its application
  /// credential is unrestricted. Every such route is made here.
  static func undelegated(
    _ method: Method, _ path: String, _ permission: Permission, query: QueryShape, body: BodyShape = .unread,
    _ handle: @escaping @Sendable (Call) async throws -> Reply
  ) -> Route {
    Route(method, path, permission, query: query, body: body) { call in
      if let credential = try call.principal().applicationCredential, !credential.unrestricted {
        throw Fault.forbidden("A token from a restricted application credential may not do this.")
      }
      return try await handle(call)
    }
  }
}
