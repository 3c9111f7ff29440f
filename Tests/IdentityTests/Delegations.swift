import Auth
import Kit
import Store
import Testing

@testable import Identity

/// Short ways to what is handed on, without hashing anything: tokens are sealed by the service's own keys.
extension Fixture {
  /// A user without a password, with roles in a project.
  func user(_ name: String, roles: [String] = [], in project: String) async throws -> String {
    let id = Identifier.hex()
    try await store.write { tx in
      let user = User(
        id: id, domainID: "default", name: name, enabled: true, defaultProjectID: nil, options: [:], extra: [:])
      try UserTable.insert(tx, user, at: .now())
      for role in roles {
        let role = try #require(try RoleTable.named(tx, role))
        try AssignmentTable.insert(tx, .user(id), .project(project), role: role.id)
      }
    }
    return id
  }

  /// A token for a project.
  func token(of user: String, in project: String) async throws -> String {
    let generation = try await generations(user, project)
    return try seal(
      user: user, .project(id: project, generation: generation.project), generation: generation.user)
  }

  /// Makes an application credential and a token of it. Its secret is `s`, and hashed only where `hashed`.
  func applicationCredential(
    of user: String, in project: String, roles: [String] = ["member"], unrestricted: Bool = false,
    accessRules: [AccessRule]? = nil, expiresAt: Timestamp? = nil
  ) async throws -> (id: String, token: String) {
    let id = Identifier.hex()
    let now = self.now
    try await store.write { tx in
      let given = try roles.map { try #require(try RoleTable.named(tx, $0)) }
      var credential = ApplicationCredential(
        id: id, userID: user, name: id, projectID: project, description: nil, expiresAt: expiresAt,
        unrestricted: unrestricted, roles: given.map { Named(id: $0.id, name: $0.name) })
      credential.accessRules = try accessRules?.map { try AccessRuleTable.same(tx, user: user, as: $0) }
      try ApplicationCredentialTable.insert(tx, credential, secretHash: "none")
    }
    let generation = try await generations(user, project)
    let payload = TokenPayload(
      methods: .applicationCredential, userID: user, userGeneration: generation.user,
      scope: .project(id: project, generation: generation.project), issuedAt: now,
      expiresAt: min(now.adding(seconds: 3600), expiresAt ?? now.adding(seconds: 3600)),
      auditID: TokenPayload.newAuditID(), ancestors: [], applicationCredentialID: id)
    return (id, try identity.core.keys.seal(payload.encoded(), at: now))
  }

  private func generations(_ user: String, _ project: String) async throws -> (user: Int, project: Int) {
    try await store.read { tx in
      (
        try tx.first("SELECT token_generation FROM identity_user WHERE id = \(user)") { $0.int(0) } ?? 0,
        try tx.first("SELECT token_generation FROM identity_project WHERE id = \(project)") { $0.int(0) } ?? 0
      )
    }
  }

  /// A trust's body.
  static func trust(
    from trustor: String, to trustee: String, project: String?, roles: [String], impersonation: Bool = false,
    more: String = ""
  ) -> String {
    let roles = roles.map { #"{"name": "\#($0)"}"# }.joined(separator: ", ")
    let project = project.map { #""\#($0)""# } ?? "null"
    return #"""
      {"trust": {"trustor_user_id": "\#(trustor)", "trustee_user_id": "\#(trustee)", "project_id": \#(project),
      "impersonation": \#(impersonation), "roles": [\#(roles)]\#(more.isEmpty ? "" : ", " + more)}}
      """#
  }

  /// Logs a trustee in by a trust.
  func enter(trust id: String, with token: String) async -> Answer {
    await send("POST", "/v3/auth/tokens", Bodies.token(token, scope: #"{"OS-TRUST:trust": {"id": "\#(id)"}}"#))
  }

  /// A key of EC2's of a user, made by itself.
  func ec2Key(of user: String, token: String, project: String) async throws -> (access: String, secret: String) {
    let reply = await send(
      "POST", "/v3/users/\(user)/credentials/OS-EC2", #"{"tenant_id": "\#(project)"}"#, token: token)
    try #require(reply.status == 201, "\(reply.text)")
    let credential = reply.json["credential"]
    return (try #require(credential?["access"]?.string), try #require(credential?["secret"]?.string))
  }

  /// A consumer, a request token of it for a project, authorised with roles by `token`, and the access token.
  func accessToken(
    token: String, project: String, roles: [String]
  ) async throws -> (consumer: (id: String, secret: String), token: (id: String, secret: String)) {
    let made = await send("POST", "/v3/OS-OAUTH1/consumers", #"{"consumer": {}}"#, token: try await admin())
    let consumer = (
      id: try #require(made.json["consumer"]?["id"]?.string),
      secret: try #require(made.json["consumer"]?["secret"]?.string)
    )
    let asked = await send(
      "POST", "/v3/OS-OAUTH1/request_token",
      headers: [
        Signers.oauth("/v3/OS-OAUTH1/request_token", consumer: consumer, at: now), ("Requested-Project-Id", project),
      ])
    try #require(asked.status == 201, "\(asked.text)")
    let request = try asked.oauthToken
    let given = roles.map { #"{"name": "\#($0)"}"# }.joined(separator: ", ")
    let answer = await send(
      "PUT", "/v3/OS-OAUTH1/authorize/\(request.id)", #"{"roles": [\#(given)]}"#, token: token)
    try #require(answer.status == 200, "\(answer.text)")
    let verifier = try #require(answer.json["token"]?["oauth_verifier"]?.string)
    let exchanged = await send(
      "POST", "/v3/OS-OAUTH1/access_token",
      headers: [
        Signers.oauth(
          "/v3/OS-OAUTH1/access_token", consumer: consumer, token: request, verifier: verifier, at: now)
      ])
    try #require(exchanged.status == 201, "\(exchanged.text)")
    return (consumer, try exchanged.oauthToken)
  }

  /// Logs in with an access token.
  func oauthLogin(
    _ access: (consumer: (id: String, secret: String), token: (id: String, secret: String)), scope: String? = nil
  ) async -> Answer {
    let body =
      #"{"auth": {"identity": {"methods": ["oauth1"], "oauth1": {}}"# + (scope.map { #", "scope": \#($0)"# } ?? "")
      + "}}"
    let header = Signers.oauth("/v3/auth/tokens", consumer: access.consumer, token: access.token, at: now)
    return await send("POST", "/v3/auth/tokens", body, headers: [header])
  }
}

extension Answer {
  /// What `request_token` and `access_token` answer.
  var oauthToken: (id: String, secret: String) {
    get throws {
      let pairs = text.split(separator: "&").map { $0.split(separator: "=", maxSplits: 1).map(String.init) }
      let values = Dictionary(pairs.map { ($0[0], $0.count > 1 ? $0[1] : "") }, uniquingKeysWith: { $1 })
      return (try #require(values["oauth_token"]), try #require(values["oauth_token_secret"]))
    }
  }

  /// The roles of a token, by name.
  var roles: [String] { json["token"]?["roles"]?.array?.compactMap { $0["name"]?.string }.sorted() ?? [] }
}
