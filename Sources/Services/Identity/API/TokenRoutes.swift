import API
import Auth
import Kit
import Store

/// Logging in, and asking about and revoking tokens.
struct TokenRoutes: Sendable {
  let core: IdentityCore

  var routes: [Route] {
    [
      Route(.post, "/v3/auth/tokens", Permission("identity:authenticate", .open), query: .token, body: .needed(.login))
      { try await issue($0) },
      Route(.get, "/v3/auth/tokens", Permission("identity:validate_token", .authenticated), query: .token) {
        try await show($0)
      },
      Route(
        .delete, "/v3/auth/tokens", Permission("identity:revoke_token", .authenticated),
        query: .init([.init("cascade", .boolean)], others: .ignored)
      ) { try await revoke($0) },
    ]
  }

  private func issue(_ call: Call) async throws -> Reply {
    let request = try AuthRequest(try call.body())
    request.claim(RequestScope.current)
    do {
      let issued = try await LoginRules(core: core).issue(request, withCatalog: !call.query.has("nocatalog"))
      let who = issued.principal
      RequestScope.current?.isAsked(byUser: who.userID, name: who.userName, project: who.projectID)
      return reply(201, issued.token, issued.principal, issued.catalog.map(core.catalogJSON))
    } catch var fault as Fault where fault.status == 401 {
      fault.headers.append(("WWW-Authenticate", "Keystone uri=\"\(call.baseURL)/identity\""))
      throw fault
    }
  }

  private func show(_ call: Call) async throws -> Reply {
    let (token, _, principal) = try await subject(call, servicesToo: true)
    let wanted = !call.query.has("nocatalog") && principal.scope != .unscoped
    return reply(200, token, principal, wanted ? try await core.catalogJSON() : nil)
  }

  /// With `?cascade=false` the tokens that were got with it stay.
  private func revoke(_ call: Call) async throws -> Reply {
    let (_, payload, _) = try await subject(call, servicesToo: false)
    let descendants = try call.query.bool("cascade") ?? true
    try await core.store.write { tx in try RevocationTable.insert(tx, payload, descendants: descendants) }
    return .done
  }

  /// The token in `X-Subject-Token`: the caller's own user's, or anybody's for an administrator (and, where
  /// `servicesToo`, for a service). Throws `Fault` 404 where it is not valid.
  private func subject(
    _ call: Call, servicesToo: Bool
  ) async throws -> (token: Secret<String>, payload: TokenPayload, principal: Principal) {
    guard let text = call.header("X-Subject-Token"), !text.isEmpty else {
      throw Fault.badRequest("The header X-Subject-Token is needed.")
    }
    let caller = try call.principal()
    let token = Secret(text)
    let verified = try await core.verify(token)
    let principal = verified?.principal
    let privileged = caller.isAdmin || servicesToo && (caller.has(role: "service") || call.mayRead)
    guard privileged || principal?.userID == caller.userID else {
      throw Fault.forbidden("Only the token's own user may do this.")
    }
    guard let verified else { throw Fault.notFound("The token could not be found.") }
    return (token, verified.payload, verified.principal)
  }

  private func reply(
    _ status: Int, _ token: Secret<String>, _ principal: Principal, _ catalog: [UInt8]?
  ) -> Reply {
    Reply.json(status, headers: [("X-Subject-Token", token.reveal()), ("Vary", "X-Auth-Token")]) { json in
      json.field("token") { json in
        TokenBody.write(&json, principal)
        if let catalog {
          json.key("catalog")
          json.raw(catalog)
        }
      }
    }
  }
}

/// A token's body without its catalogue.
enum TokenBody {
  static func write(_ json: inout JSONWriter, _ principal: Principal) {
    json.field("methods", principal.methods)
    json.field("user") {
      $0.field("id", principal.userID)
      $0.field("name", principal.userName)
      $0.named("domain", id: principal.userDomainID, principal.userDomainName)
      $0.field("password_expires_at", nil as String?)
    }
    json.field("audit_ids", principal.auditIDs)
    json.field("expires_at", principal.expiresAt.iso8601Microseconds)
    json.field("issued_at", principal.issuedAt.iso8601Microseconds)
    switch principal.scope {
    case .unscoped: return
    case .project(let project):
      json.field("project") {
        $0.field("id", project.id)
        $0.field("name", project.name)
        $0.named("domain", id: project.domainID, project.domainName)
      }
      json.field("is_domain", false)
    case .domain(let id, let name): json.named("domain", id: id, name)
    case .system: json.field("system") { $0.field("all", true) }
    }
    json.field("roles", principal.roles) { json, role in
      json.object {
        $0.field("id", role.id)
        $0.field("name", role.name)
      }
    }
    if let credential = principal.applicationCredential {
      json.field("application_credential") {
        $0.field("id", credential.id)
        $0.field("name", credential.name)
        $0.field("restricted", !credential.unrestricted)
      }
    }
  }
}

extension JSONWriter {
  mutating func catalogEntry(_ entry: CatalogEntry, base: String) {
    object {
      $0.field("id", entry.id)
      $0.field("type", entry.type)
      $0.field("name", entry.name)
      $0.field("endpoints", entry.endpoints) { json, endpoint in
        json.object {
          $0.field("id", endpoint.id)
          $0.field("interface", endpoint.interface)
          $0.field("region_id", endpoint.regionID)
          $0.field("region", endpoint.regionID)
          $0.field("url", endpoint.url(base: base))
        }
      }
    }
  }
}
