import API
import Auth
import Kit
import Store

/// Logging in, and asking about and revoking tokens.
struct TokenRoutes: Sendable {
  let core: IdentityCore

  /// In a request: the sender knows what access rules are. Keystone's middleware says so with its version of them.
  private static let accessRulesHeader = "OpenStack-Identity-Access-Rules"

  var routes: [Route] {
    let path = "/v3/auth/tokens"
    return [
      Route(.post, path, Permission("identity:authenticate", .open), query: .token, body: .needed(.login)) {
        try await issue($0)
      },
      Route(
        .get, path,
        Permission("identity:validate_token", .any(IdentityPolicy.adminOrSystemReaderOrServiceOrOwnerOfAnyScope)),
        query: .token
      ) { try await show($0) },
      Route(
        .head, path, Permission("identity:check_token", .any(IdentityPolicy.adminOrSystemReaderOrOwnerOfAnyScope)),
        query: .token
      ) { try await show($0) },
      Route(
        .delete, path, Permission("identity:revoke_token", .any(IdentityPolicy.adminOrOwnerOfAnyScope)),
        query: .init([.init("cascade", .boolean)], others: .ignored)
      ) { try await revoke($0) },
    ]
  }

  private func issue(_ call: Call) async throws -> Reply {
    do {
      let request = try AuthRequest(try call.body())
      request.claim(RequestScope.current)
      let wanted = !call.query.has("nocatalog")
      return try await reply(try await LoginRules(core: core).issue(request, call, withCatalog: wanted), call)
    } catch var fault as Fault where fault.status == 401 {
      fault.headers.append(challenge(call))
      throw fault
    } catch let unsupported as UnsupportedMethod {
      return unsupportedReply(unsupported, call)
    }
  }

  /// What a login ended with, as an answer. Also for logins by other ways than `POST /auth/tokens`.
  func reply(_ outcome: LoginRules.Outcome, _ call: Call) async throws -> Reply {
    switch outcome {
    case .token(let issued):
      let who = issued.principal
      RequestScope.current?.isAsked(byUser: who.userID, name: who.userName, project: who.projectID)
      return try await reply(201, issued.token, who, issued.catalog)
    case .receipt(let receipt):
      let headers = [(name: Receipt.header, value: receipt.sealed.reveal()), challenge(call)]
      return Reply.json(401, headers: headers) { ReceiptBody.write(&$0, receipt.facts) }
    }
  }

  private func challenge(_ call: Call) -> (name: String, value: String) {
    ("WWW-Authenticate", "Keystone uri=\"\(call.baseURL)/identity\"")
  }

  /// Keystone names the methods there are beside the fault.
  private func unsupportedReply(_ unsupported: UnsupportedMethod, _ call: Call) -> Reply {
    Reply.json(401, headers: [challenge(call)]) { json in
      json.field("error") {
        $0.field("code", 401)
        $0.field("message", "The authentication method \(unsupported.name.quoted) is not offered.")
        $0.field("title", "Unauthorized")
        $0.field("identity") { $0.field("methods", LoginMethods.offered.map { $0.name }) }
      }
    }
  }

  private func show(_ call: Call) async throws -> Reply {
    let (token, verified) = try await subject(call, expiredToo: try call.query.bool("allow_expired") ?? false)
    let principal = verified.principal
    // Who does not know of access rules must not take the token for one without.
    if principal.applicationCredential?.accessRules != nil,
      call.header(Self.accessRulesHeader).flatMap(Double.init).map({ $0 < 1 }) ?? true
    {
      throw Self.noSuchToken
    }
    let wanted = !call.query.has("nocatalog") && principal.scope != .unscoped
    return try await reply(200, token, principal, wanted ? try await core.catalogJSON(for: principal) : nil)
  }

  /// With `?cascade=false` the tokens that were got with it stay.
  private func revoke(_ call: Call) async throws -> Reply {
    let (_, verified) = try await subject(call, expiredToo: false)
    let descendants = try call.query.bool("cascade") ?? true
    try await core.store.write { tx in try RevocationTable.insert(tx, verified.payload, descendants: descendants) }
    return .done
  }

  private static var noSuchToken: Fault { .notFound("The token could not be found.") }

  /// The token in `X-Subject-Token`, where `expiredToo` also one that has expired not long ago. Throws `Fault` 404
  /// where it is not valid, 403 where it is none of the caller's business.
  private func subject(
    _ call: Call, expiredToo: Bool
  ) async throws -> (token: Secret<String>, verified: VerifiedToken) {
    guard let text = call.header("X-Subject-Token"), !text.isEmpty else {
      throw Fault.badRequest("The header X-Subject-Token is needed.")
    }
    let token = Secret(text)
    guard let verified = try await expiredToo ? core.verifyEnded(token) : core.verify(token) else {
      throw Self.noSuchToken
    }
    try call.require(on: PolicyTarget(userIDs: [verified.principal.userID]))
    return (token, verified)
  }

  private func reply(
    _ status: Int, _ token: Secret<String>, _ principal: Principal, _ catalog: [UInt8]?
  ) async throws -> Reply {
    let clouds = try await core.serviceProvidersJSON()
    return Reply.json(status, headers: [("X-Subject-Token", token.reveal()), ("Vary", "X-Auth-Token")]) { json in
      json.field("token") { json in
        TokenBody.write(&json, principal)
        if let catalog {
          json.key("catalog")
          json.raw(catalog)
        }
        if let clouds {
          json.key("service_providers")
          json.raw(clouds)
        }
      }
    }
  }
}

extension JSONWriter {
  mutating func catalogEntry(_ entry: CatalogEntry) {
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
          $0.field("url", endpoint.url)
        }
      }
    }
  }
}
