import API
import Auth
import Kit
import Store

/// Finds out who asks for a token, and issues it.
///
/// Whoever is refused gets the same answer after the same work: one password hash, one durable write.
struct LoginRules: Sendable {
  let core: IdentityCore

  struct Issued: Sendable {
    var token: Secret<String>
    var principal: Principal
    /// As JSON; nil where it was not asked for, or the token has no scope.
    var catalog: [UInt8]?
  }

  /// What a login ends with.
  enum Outcome: Sendable {
    case token(Issued)
    /// The user is known, but its rules ask for more methods.
    case receipt(IssuedReceipt)
  }

  static var refusal: Fault { .unauthorized("The request you have made requires authentication.") }

  /// Issues a token. Throws `Fault` 401 where the caller is not who it says or has no role in the scope.
  func issue(_ request: AuthRequest, _ call: Call, withCatalog: Bool) async throws -> Outcome {
    var recognised: Recognised?
    for method in request.methods {
      let next = try await method.recognise(self, call)
      recognised = try recognised.map { try $0.merged(with: next) } ?? next
    }
    guard let recognised else { throw Self.refusal }
    return try await issue(
      recognised, request.scope, receipt: call.header(Receipt.header).map(Secret.init), withCatalog: withCatalog)
  }

  /// Issues a token to who was recognised. Throws `Fault` 401.
  func issue(
    _ recognised: Recognised, _ scope: AuthRequest.Scope, receipt: Secret<String>? = nil, withCatalog: Bool
  ) async throws -> Outcome {
    let earlier = try receipt.map { try open(receipt: $0, of: recognised) }
    let settle: @Sendable (Transaction) throws -> Settled = { tx in
      try settled(tx, recognised, scope, earlier)
    }
    let writes: Bool = if case .trust = scope { true } else { !recognised.uses.isEmpty }
    switch writes ? try await core.store.write(settle) : try await core.store.read(settle) {
    case .token(let payload, let principal):
      let catalog = withCatalog && principal.scope != .unscoped ? try await core.catalogJSON(for: principal) : nil
      let token = Secret(try core.keys.seal(payload.encoded(), at: payload.issuedAt))
      await core.noteUse(payload)
      return .token(Issued(token: token, principal: principal, catalog: catalog))
    case .receipt(let receipt): return .receipt(try seal(receipt))
    }
  }

  enum Settled: Sendable {
    case token(TokenPayload, Principal)
    case receipt(ReceiptFacts)
  }

  private func settled(
    _ tx: Transaction, _ found: Recognised, _ asked: AuthRequest.Scope, _ earlier: Receipt?
  ) throws -> Settled {
    let now = core.now()
    var recognised = found
    guard let user = try UserTable.login(tx, recognised.userID) else { throw Self.refusal }
    for recheck in recognised.rechecks { try recheck(tx, user, now) }
    if let earlier { try recognised.add(earlier, user, now) }
    if let receipt = try missingMethods(tx, recognised, user, now) { return .receipt(receipt) }
    for use in recognised.uses { try use(tx, now) }
    if case .trust(let id) = asked { try DelegationRules.enter(tx, trust: id, &recognised, at: now) }
    let payload = try payload(tx, recognised, recognised.userID == user.id ? user : nil, asked, now)
    guard payload.isEncodable, let principal = try TokenRules.verify(tx, payload, at: now)?.principal else {
      throw Self.refusal
    }
    return .token(payload, principal)
  }

  // MARK: The token

  /// `known` is the token's user where it has been read already.
  private func payload(
    _ tx: Transaction, _ recognised: Recognised, _ known: UserLogin?, _ asked: AuthRequest.Scope, _ now: Timestamp
  ) throws -> TokenPayload {
    guard let user = try known ?? UserTable.login(tx, recognised.userID) else { throw Self.refusal }
    let parent = recognised.parent
    let ancestors = parent.map { $0.ancestors + [$0.auditID] } ?? []
    guard ancestors.count <= TokenPayload.ancestorsMax else {
      throw Fault.unauthorized("The token was exchanged too many times. Log in again.")
    }
    let scope = try scope(tx, recognised.scope ?? asked, user, recognised)
    if let parent { try TokenRules.requireExchange(of: parent, for: scope) }
    // A token never outlives what it was got with.
    let ends = [now.adding(seconds: core.settings.tokenSeconds), parent?.expiresAt, recognised.expiresAt]
    return TokenPayload(
      methods: recognised.methods, userID: user.id, userGeneration: user.tokenGeneration, scope: scope, issuedAt: now,
      expiresAt: ends.compactMap { $0 }.min() ?? now, auditID: TokenPayload.newAuditID(), ancestors: ancestors,
      applicationCredentialID: recognised.applicationCredentialID, trustID: recognised.trustID,
      trustorGeneration: recognised.trustorGeneration, accessTokenID: recognised.accessTokenID,
      federation: recognised.federation)
  }

  private func scope(
    _ tx: Transaction, _ asked: AuthRequest.Scope, _ user: UserLogin, _ recognised: Recognised
  ) throws -> TokenPayload.Scope {
    switch asked {
    case .unscoped: return .unscoped
    case .system: return .system
    case .project(let reference):
      guard let id = try ProjectTable.projectID(tx, reference),
        let project = try ProjectTable.forToken(tx, id, isDomain: false)
      else { throw Self.refusal }
      return .project(id: id, generation: project.generation)
    case .domain(let reference):
      guard let id = try ProjectTable.domainID(tx, reference),
        let domain = try ProjectTable.forToken(tx, id, isDomain: true)
      else { throw Self.refusal }
      return .domain(id: id, generation: domain.generation)
    // A trust that was entered brings its project.
    case .trust: throw Self.refusal
    case .standard:
      // The default project where it can be used, else no scope. Who comes from elsewhere has none, and a token of the
      // system becomes none of a project's.
      guard recognised.federation == nil, recognised.parent?.scope != .system, let id = user.defaultProjectID,
        let project = try ProjectTable.forToken(tx, id, isDomain: false), project.enabled,
        try !AssignmentTable.effectiveRoles(tx, user: user.id, .project(id)).isEmpty
      else { return .unscoped }
      return .project(id: id, generation: project.generation)
    }
  }
}
