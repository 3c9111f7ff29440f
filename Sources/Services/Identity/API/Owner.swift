import API
import Auth

extension Route {
  /// A route about a user's own means of getting in, or about what it gives to others: a delegated token may not use
  /// it, but for what `DelegationRules` excepts. Every such route is made here.
  static func undelegated(
    _ method: Method, _ path: String, _ permission: Permission, of matter: DelegationRules.Matter = .credentials,
    query: QueryShape, body: BodyShape = .unread, _ handle: @escaping @Sendable (Call) async throws -> Reply
  ) -> Route {
    Route(method, path, permission, query: query, body: body) { call in
      try DelegationRules.require(matter, try call.principal())
      return try await handle(call)
    }
  }
}
