import API
import Auth
import Kit

/// Logging in at an identity provider: what the plugins `v3oidc…` of OpenStack's clients end in.
struct FederationAuthRoutes: Sendable {
  let core: IdentityCore

  var routes: [Route] {
    let path = IdentityProviderRoutes.path + "/{idp_id}/protocols/{protocol_id}/auth"
    return [Route.Method.get, .post].map { method in
      Route(method, path, Permission("identity:authenticate", .open), query: .unread) { try await authenticate($0) }
    }
  }

  private func authenticate(_ call: Call) async throws -> Reply {
    do {
      let recognised = try await FederatedLogin(core: core).recognise(
        idp: try call.parameter("idp_id"), protocol: try call.parameter("protocol_id"), token: Self.bearer(call))
      let outcome = try await LoginRules(core: core).issue(recognised, .unscoped, withCatalog: false)
      return try await TokenRoutes(core: core).reply(outcome, call)
    } catch var fault as Fault where fault.status == 401 {
      fault.headers.append(("WWW-Authenticate", "Keystone uri=\"\(call.baseURL)/identity\""))
      throw fault
    }
  }

  private static func bearer(_ call: Call) -> Secret<String>? {
    guard let parts = call.header("Authorization")?.split(separator: " ", maxSplits: 1), parts.count == 2,
      parts[0].lowercased() == "bearer"
    else { return nil }
    return Secret(String(parts[1]))
  }
}
