import API
import Auth
import Kit
import Store

/// What consumers of OAuth 1.0a get, and what for. Whoever signs wrongly, too late or twice is refused alike.
struct OAuthRules: Sendable {
  /// Request tokens that wait at once for one consumer at the most.
  static let waitingMax = 1000
  /// Letters of a verifier: none that could be taken for another.
  private static let verifierLetters = Array("abcdefghjkmnpqrstuvwxyzABCDEFGHJKMNPQRSTUVWXYZ23456789")

  let core: IdentityCore

  /// The consumer of a request that it signed, together with a token's secret where there is one. The request is noted:
  /// it is good once. Throws `Fault` 401.
  private func consumer(_ tx: Transaction, _ request: OAuthRequest, _ token: Secret<String>? = nil) throws -> Consumer {
    let seconds = core.settings.signatureSeconds
    guard let consumer = try ConsumerTable.find(tx, core.credentialKeys, request.consumerID),
      request.isSigned(consumer: consumer.secret, token: token, at: core.now(), within: seconds),
      try CredentialTable.noteSignature(tx, request.digest, until: request.moment.adding(seconds: seconds))
    else { throw LoginRules.refusal }
    return consumer
  }

  /// A request token for a project. Throws `Fault` 401, 404.
  func requestToken(_ request: OAuthRequest, project: String) async throws -> RequestToken {
    try await core.store.write { tx in
      let consumer = try consumer(tx, request)
      guard try ProjectTable.forToken(tx, project, isDomain: false) != nil else {
        throw Fault.noSuch("project", project)
      }
      try RequestTokenTable.deleteExpired(tx, at: core.now())
      guard try RequestTokenTable.count(tx, consumer: consumer.id) < Self.waitingMax else {
        throw Fault.forbidden("The consumer has too many request tokens that nobody has answered.")
      }
      let made = RequestToken(
        id: Identifier.hex(), consumerID: consumer.id, projectID: project, secret: Secret(Identifier.hex()),
        expiresAt: core.now().adding(seconds: core.settings.requestTokenSeconds))
      try RequestTokenTable.insert(tx, core.credentialKeys, made, at: core.now())
      return made
    }
  }

  /// A user's yes, with some of the roles that it has in the project; what the consumer must show. Throws `Fault` 401
  /// where the user lacks one of them, 404.
  func authorize(
    _ id: String, by user: String, roles: @Sendable @escaping (Transaction) throws -> [String]
  ) async throws -> Secret<String> {
    let verifier = Secret(String((0..<8).compactMap { _ in Self.verifierLetters.randomElement() }))
    try await core.store.write { tx in
      guard let token = try RequestTokenTable.find(tx, core.credentialKeys, id) else {
        throw Fault.noSuch("request token", id)
      }
      guard core.now() < token.expiresAt else { throw Fault.unauthorized("The request token has expired.") }
      // The first answer counts: nobody puts another user's yes in its place.
      guard token.userID == nil || token.userID == user else {
        throw Fault.unauthorized("The request token has been authorized.")
      }
      let roles = try roles(tx)
      let held = Set(try AssignmentTable.effectiveRoles(tx, user: user, .project(token.projectID)).map(\.id))
      guard held.isSuperset(of: roles) else {
        throw Fault.unauthorized("The authorizing user does not have the roles in the project.")
      }
      try RequestTokenTable.authorize(tx, id, user: user, roles: roles, verifier: verifier)
    }
    return verifier
  }

  /// The access token that an authorised request token is exchanged for, once. Throws `Fault` 401.
  func accessToken(_ request: OAuthRequest) async throws -> AccessToken {
    guard let id = request.token, let verifier = request.verifier else {
      throw Fault.badRequest("The parameters oauth_token and oauth_verifier are needed.")
    }
    return try await core.store.write { tx in
      let now = core.now()
      guard let token = try RequestTokenTable.find(tx, core.credentialKeys, id), token.consumerID == request.consumerID,
        now < token.expiresAt
      else { throw LoginRules.refusal }
      _ = try consumer(tx, request, token.secret)
      guard let user = token.userID, let expected = token.verifier,
        TokenDigest(expected) == TokenDigest(verifier), try RequestTokenTable.delete(tx, id)
      else { throw LoginRules.refusal }
      let made = AccessToken(
        id: Identifier.hex(), consumerID: token.consumerID, userID: user, projectID: token.projectID,
        secret: Secret(Identifier.hex()), expiresAt: now.adding(seconds: core.settings.accessTokenSeconds),
        roleIDs: token.roleIDs)
      try AccessTokenTable.insert(tx, core.credentialKeys, made, at: now)
      return made
    }
  }

  /// The access token that a login is signed with. Throws `Fault` 401.
  func login(_ request: OAuthRequest) async throws -> AccessToken {
    guard let id = request.token else { throw Fault.badRequest("The parameter oauth_token is needed.") }
    return try await core.store.write { tx in
      guard let token = try AccessTokenTable.find(tx, core.credentialKeys, id), token.consumerID == request.consumerID,
        core.now() < token.expiresAt
      else { throw LoginRules.refusal }
      _ = try consumer(tx, request, token.secret)
      return token
    }
  }
}
