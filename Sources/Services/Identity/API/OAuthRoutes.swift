import API
import Auth
import Kit
import Store

/// How an OAuth 1.0a consumer gets an access token: it asks, a user says yes, it exchanges.
struct OAuthRoutes: Sendable {
  let core: IdentityCore

  private var rules: OAuthRules { OAuthRules(core: core) }

  var routes: [Route] {
    [
      // The signature says who asks.
      Route(
        .post, "/v3/OS-OAUTH1/request_token", Permission("identity:create_request_token", .open), query: .signed
      ) { try await request($0) },
      Route(.post, "/v3/OS-OAUTH1/access_token", Permission("identity:create_access_token", .open), query: .signed) {
        try await exchange($0)
      },
      .undelegated(
        .put, "/v3/OS-OAUTH1/authorize/{request_token_id}",
        .identity("authorize_request_token", IdentityPolicy.admin), query: .unread, body: .needed(.authorization)
      ) { try await authorize($0) },
    ]
  }

  private func request(_ call: Call) async throws -> Reply {
    let request = try OAuthRequest(call)
    guard let project = call.header("Requested-Project-Id"), !project.isEmpty else {
      throw Fault.badRequest("The header Requested-Project-Id is needed.")
    }
    let made = try await rules.requestToken(request, project: project)
    return Self.reply(made.id, made.secret, made.expiresAt)
  }

  private func exchange(_ call: Call) async throws -> Reply {
    let made = try await rules.accessToken(try OAuthRequest(call))
    return Self.reply(made.id, made.secret, made.expiresAt)
  }

  private static func reply(_ id: String, _ secret: Secret<String>, _ expiresAt: Timestamp) -> Reply {
    let text =
      "oauth_token=\(id)&oauth_token_secret=\(secret.reveal())&oauth_expires_at=\(expiresAt.iso8601Microseconds)"
    return Reply(
      status: 201, body: .bytes(Array(text.utf8), contentType: "application/x-www-form-urlencoded"))
  }

  private func authorize(_ call: Call) async throws -> Reply {
    let id = try call.parameter("request_token_id")
    let asked = try (call.body().optionalObjects("roles", countMax: 100) ?? []).map(RoleReference.init)
    let verifier = try await rules.authorize(id, by: try call.principal().userID) { tx in
      try asked.map { try $0.id(tx) }
    }
    return Reply.json { $0.field("token") { $0.field("oauth_verifier", verifier.reveal()) } }
  }
}

/// The access tokens that a user has given to consumers. All routes are `undelegated`.
struct AccessTokenRoutes: Sendable {
  let core: IdentityCore

  var routes: [Route] {
    let list = "/v3/users/{user_id}/OS-OAUTH1/access_tokens"
    let one = list + "/{access_token_id}"
    return [
      .undelegated(.get, list, .identity("list_access_tokens", IdentityPolicy.admin), query: .list([])) {
        try await self.list($0)
      },
      .undelegated(.get, one, .identity("get_access_token", IdentityPolicy.admin), query: .unread) {
        try await show($0)
      },
      .undelegated(.delete, one, .identity("delete_access_token", IdentityPolicy.admin), query: .unread) {
        try await delete($0)
      },
      .undelegated(.get, one + "/roles", .identity("list_access_token_roles", IdentityPolicy.admin), query: .unread) {
        try await roles($0)
      },
      .undelegated(
        .get, one + "/roles/{role_id}", .identity("get_access_token_role", IdentityPolicy.admin), query: .unread
      ) { try await role($0) },
    ]
  }

  private func list(_ call: Call) async throws -> Reply {
    let fixed: [SQL] = ["a.user_id = \(try call.parameter("user_id"))"]
    return try await call.list(
      "access_tokens", from: core.store,
      read: { [keys = core.credentialKeys] in try AccessTokenTable.list($0, keys, fixed, $1) }, id: \.id
    ) { $0.accessToken($1, call) }
  }

  /// The access token of the path, which must be the user's of the path. Throws `Fault` 404.
  private func found(_ tx: Transaction, _ call: Call) throws -> AccessToken {
    let id = try call.parameter("access_token_id")
    guard let found = try AccessTokenTable.find(tx, core.credentialKeys, id),
      found.userID == (try call.parameter("user_id"))
    else { throw Fault.noSuch("access token", id) }
    return found
  }

  private func show(_ call: Call) async throws -> Reply {
    let found = try await core.store.read { tx in try self.found(tx, call) }
    return Reply.one(200, "access_token") { $0.accessToken(found, call) }
  }

  private func delete(_ call: Call) async throws -> Reply {
    try await core.store.write { tx in try AccessTokenTable.delete(tx, try found(tx, call).id) }
    return .done
  }

  private func roles(of call: Call) async throws -> [Role] {
    try await core.store.read { tx in
      let ids = try found(tx, call).roleIDs
      return try RoleTable.list(tx, ["r.id IN (\(list: ids))"], Chunk(count: max(ids.count, 1)))
    }
  }

  private func roles(_ call: Call) async throws -> Reply {
    let roles = try await self.roles(of: call)
    return call.list("roles", roles) { $0.role($1, call) }
  }

  private func role(_ call: Call) async throws -> Reply {
    let id = try call.parameter("role_id")
    guard let role = try await roles(of: call).first(where: { $0.id == id }) else { throw Fault.noSuch("role", id) }
    return Reply.one(200, "role") { $0.role(role, call) }
  }
}

extension QueryShape {
  /// Whatever is there is part of what was signed.
  static let signed = QueryShape(others: .ignored)
}

extension JSONWriter {
  fileprivate mutating func accessToken(_ token: AccessToken, _ call: Call) {
    object {
      let address = call.link("/users/\(token.userID)/OS-OAUTH1/access_tokens/\(token.id)")
      $0.field("id", token.id)
      $0.field("consumer_id", token.consumerID)
      $0.field("authorizing_user_id", token.userID)
      $0.field("project_id", token.projectID)
      $0.field("expires_at", token.expiresAt.iso8601Microseconds)
      $0.field("links") {
        $0.field("self", address)
        $0.field("roles", address + "/roles")
      }
    }
  }
}
