import Auth
import Kit
import Store

extension DelegationRules {
  /// What is left of a token's rights where it came by delegation, and when that ends; nil where nothing is. The
  /// principal comes with all roles that its user has in the scope.
  static func confine(
    _ tx: Transaction, _ whole: Principal, _ payload: TokenPayload, at now: Timestamp
  ) throws -> (principal: Principal, endsAt: Timestamp?)? {
    var principal = whole
    var ends: [Timestamp?] = []
    if let id = payload.applicationCredentialID {
      guard let (stored, granted) = try TokenTable.credential(tx, id), stored.userID == payload.userID,
        stored.projectID == principal.projectID, stored.expiresAt.map({ now < $0 }) ?? true
      else { return nil }
      principal.roles = principal.roles.filter { granted.contains($0.id) }
      principal.applicationCredential = .init(
        id: id, name: stored.name, unrestricted: stored.unrestricted,
        accessRules: stored.confined ? try AccessRuleTable.rules(tx, credential: id) : nil)
      ends.append(stored.expiresAt)
    }
    if let id = payload.accessTokenID {
      guard let token = try AccessTokenTable.forToken(tx, id), token.userID == payload.userID,
        token.projectID == principal.projectID, now < token.expiresAt
      else { return nil }
      principal.roles = principal.roles.filter { token.roleIDs.contains($0.id) }
      principal.oauth1 = .init(accessTokenID: id, consumerID: token.consumerID)
      ends.append(token.expiresAt)
    }
    if let id = payload.trustID {
      guard let trust = try TrustTable.forToken(tx, id, at: now), trust.trusteeID == payload.userID,
        trust.trustorGeneration == payload.trustorGeneration, trust.projectID == principal.projectID,
        trust.agentsEnabled, let roles = trust.roles
      else { return nil }
      // They are the trustor's, and the trustee need not have any.
      principal.roles = roles
      principal.trust = .init(
        id: id, trustorID: trust.trustorID, trusteeID: trust.trusteeID, impersonation: trust.impersonation)
      if trust.impersonation {
        principal.userID = trust.trustorID
        principal.userName = trust.trustor.name
        principal.userDomainID = trust.trustor.domainID
        principal.userDomainName = trust.trustor.domainName
        principal.passwordExpiresAt = nil
      }
      ends.append(trust.expiresAt)
    }
    if payload.scope != .unscoped && principal.roles.isEmpty { return nil }
    return (principal, ends.compactMap { $0 }.min())
  }
}
