import API
import Auth
import Kit
import Logging
import Store

/// Finds out who asks for a token, and issues it.
///
/// Whoever is refused gets the same answer after the same work: one password hash, one durable write.
struct LoginRules: Sendable {
  let core: IdentityCore

  struct Issued: Sendable {
    var token: Secret<String>
    var principal: Principal
    /// nil where it was not asked for, or the token has no scope.
    var catalog: [CatalogEntry]?
  }

  /// Who was recognised and by what. What was checked outside of the final transaction is checked there once more.
  private struct Recognised: Sendable {
    var userID: String
    var methods: TokenPayload.Methods = []
    var passwordHash: String?
    var parent: TokenPayload?
    var credential: ApplicationCredentialTable.ForLogin?
  }

  static var refusal: Fault { .unauthorized("The request you have made requires authentication.") }

  /// Issues a token. Throws `Fault` 401 where the caller is not who it says or has no role in the scope.
  func issue(_ request: AuthRequest, withCatalog: Bool) async throws -> Issued {
    let recognised: Recognised
    if let credential = request.applicationCredential {
      recognised = try await recognise(credential)
    } else {
      recognised = try await recognise(password: request.password, token: request.token)
    }
    let (payload, principal, catalog) = try await core.store.read { tx in
      try self.settled(tx, recognised, request.scope, withCatalog: withCatalog)
    }
    return Issued(
      token: Secret(try core.keys.seal(payload.encoded(), at: payload.issuedAt)), principal: principal, catalog: catalog
    )
  }

  private func settled(
    _ tx: Transaction, _ recognised: Recognised, _ asked: AuthRequest.Scope, withCatalog: Bool
  ) throws -> (TokenPayload, Principal, [CatalogEntry]?) {
    guard let user = try UserTable.login(tx, recognised.userID) else { throw Self.refusal }
    if let hash = recognised.passwordHash, isLocked(user, at: core.now()) || hash != user.passwordHash {
      throw Self.refusal
    }
    let payload = try payload(tx, recognised, user, asked)
    guard let principal = try TokenRules.verify(tx, payload, at: core.now())?.principal else { throw Self.refusal }
    let catalog = withCatalog && principal.scope != .unscoped ? try CatalogTable.catalog(tx) : nil
    return (payload, principal, catalog)
  }

  // MARK: The token

  private func payload(
    _ tx: Transaction, _ recognised: Recognised, _ user: UserLogin, _ asked: AuthRequest.Scope
  ) throws -> TokenPayload {
    let now = core.now()
    let parent = recognised.parent
    let ancestors = parent.map { $0.ancestors + [$0.auditID] } ?? []
    guard ancestors.count <= TokenPayload.ancestorsMax else {
      throw Fault.unauthorized("The token was exchanged too many times. Log in again.")
    }
    // A token never outlives what it was got with.
    let ends = [now.adding(seconds: core.settings.tokenSeconds), parent?.expiresAt, recognised.credential?.expiresAt]
    let scope =
      try recognised.credential.map { try Self.project(tx, $0.projectID) }
      ?? scope(tx, asked, user)
    return TokenPayload(
      methods: recognised.methods, userID: user.id, userGeneration: user.tokenGeneration, scope: scope, issuedAt: now,
      expiresAt: ends.compactMap { $0 }.min() ?? now, auditID: TokenPayload.newAuditID(), ancestors: ancestors,
      applicationCredentialID: recognised.credential?.id)
  }

  private func scope(_ tx: Transaction, _ asked: AuthRequest.Scope, _ user: UserLogin) throws -> TokenPayload.Scope {
    switch asked {
    case .unscoped: return .unscoped
    case .system: return .system
    case .project(let reference):
      guard let id = try ProjectTable.projectID(tx, reference) else { throw Self.refusal }
      return try Self.project(tx, id)
    case .domain(let reference):
      guard let id = try ProjectTable.domainID(tx, reference),
        let domain = try ProjectTable.forToken(tx, id, isDomain: true)
      else { throw Self.refusal }
      return .domain(id: id, generation: domain.generation)
    case .standard:
      // The default project where it can be used, else no scope.
      guard let id = user.defaultProjectID,
        let project = try ProjectTable.forToken(tx, id, isDomain: false), project.enabled,
        try !AssignmentTable.effectiveRoles(tx, user: user.id, .project(id)).isEmpty
      else { return .unscoped }
      return .project(id: id, generation: project.generation)
    }
  }

  private static func project(_ tx: Transaction, _ id: String) throws -> TokenPayload.Scope {
    guard let project = try ProjectTable.forToken(tx, id, isDomain: false) else { throw refusal }
    return .project(id: id, generation: project.generation)
  }

  // MARK: Who it is

  private func recognise(password: AuthRequest.Password?, token: Secret<String>?) async throws -> Recognised {
    var recognised: Recognised?
    if let token {
      guard let payload = try await core.verify(token)?.payload else { throw Self.refusal }
      guard TokenRules.mayRescope(payload) else {
        throw Fault.forbidden("A token from an application credential cannot be exchanged for another.")
      }
      recognised = Recognised(
        userID: payload.userID, methods: payload.methods.union(.token), parent: payload)
    }
    if let password {
      let (userID, hash) = try await check(password)
      if let recognised, recognised.userID != userID { throw Self.refusal }
      var both = recognised ?? Recognised(userID: userID)
      both.methods.insert(.password)
      both.passwordHash = hash
      recognised = both
    }
    guard let recognised else { throw Self.refusal }
    return recognised
  }

  /// The user's id and the hash that its password gave. Throws `Fault` 401: unknown user, wrong password, disabled or
  /// locked out, all alike.
  func check(_ asked: AuthRequest.Password) async throws -> (userID: String, passwordHash: String?) {
    let user = try await core.store.read { tx in
      try UserTable.id(tx, asked.user).flatMap { try UserTable.login(tx, $0) }
    }
    let fits = asked.password.reveal().utf8.count <= PasswordHasher.passwordBytesMax
    let right = try await core.hasher.verify(fits ? asked.password : Secret(""), hash: user?.passwordHash) && fits
    guard let user, right, user.enabled, user.failedLogins == 0 else {
      return try await settle(user, right: right)
    }
    return (user.id, user.passwordHash)
  }

  /// Counts a failure, or forgives earlier ones after a right password; the lock is looked at in the same transaction,
  /// so that guesses made at once are all counted.
  private func settle(_ user: UserLogin?, right: Bool) async throws -> (userID: String, passwordHash: String?) {
    let now = core.now()
    let settings = core.settings
    let outcome: (accepted: Bool, locked: Bool) = try await core.store.write { tx in
      guard let user, let fresh = try UserTable.login(tx, user.id) else {
        try UserTable.countRefusedLogin(tx)
        return (false, false)
      }
      if isLocked(fresh, at: now) || right && (!fresh.enabled || fresh.passwordHash != user.passwordHash) {
        try UserTable.countRefusedLogin(tx)
        return (false, false)
      }
      if right {
        try UserTable.setFailures(tx, user.id, 0, at: nil)
        return (true, false)
      }
      let before = fresh.failedLogins >= settings.lockoutFailures ? 0 : fresh.failedLogins
      try UserTable.setFailures(tx, user.id, before + 1, at: now)
      try UserTable.countRefusedLogin(tx)
      return (false, before + 1 >= settings.lockoutFailures)
    }
    if outcome.locked, let user { core.logger.warning("user locked out", metadata: ["user": "\(user.id)"]) }
    guard outcome.accepted, let user else { throw Self.refusal }
    return (user.id, user.passwordHash)
  }

  private func isLocked(_ user: UserLogin, at now: Timestamp) -> Bool {
    guard user.failedLogins >= core.settings.lockoutFailures, let last = user.lastFailedAt,
      user.options["ignore_lockout_failure_attempts"] != .bool(true)
    else { return false }
    return now.seconds(since: last) < core.settings.lockoutSeconds
  }

  /// The user is the stored credential's and nobody else's; a user the caller names must be the same.
  private func recognise(_ asked: AuthRequest.ApplicationCredential) async throws -> Recognised {
    let stored = try await core.store.read { tx -> ApplicationCredentialTable.ForLogin? in
      let named = try asked.user.map { try UserTable.id(tx, $0) }
      let found: ApplicationCredentialTable.ForLogin? =
        switch asked.name {
        case .id(let id): try ApplicationCredentialTable.forLogin(tx, id)
        case .name(let name):
          try named.flatMap { $0 }.flatMap { try ApplicationCredentialTable.forLogin(tx, user: $0, name: name) }
        }
      if let named, named != found?.userID { return nil }
      return found
    }
    let right = try await core.hasher.verify(asked.secret, hash: stored?.secretHash)
    guard let stored, right, !stored.isExpired(at: core.now()) else {
      try await core.store.write { tx in try UserTable.countRefusedLogin(tx) }
      throw Self.refusal
    }
    return Recognised(userID: stored.userID, methods: .applicationCredential, credential: stored)
  }
}
