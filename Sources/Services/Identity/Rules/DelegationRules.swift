import API
import Auth
import Kit
import Store

/// What a delegated token may not do. A token is delegated where it is another's gift: it came by an application
/// credential, a trust, OAuth 1.0a or an EC2 credential. It carries at most what was given, and gives nothing on; the
/// few exceptions are here and nowhere else.
enum DelegationRules {
  /// What gives access on, or gets a user in.
  enum Matter: Sendable {
    /// Credentials of every kind, OAuth 1.0a tokens, passwords: for nobody who is delegated.
    case credentials
    /// Application credentials and access rules: also for an unrestricted application credential.
    case applicationCredentials
    /// Trusts: also for a token by a trust, which may redelegate it.
    case trusts
  }

  /// Throws `Fault` 403 where the caller's token may not touch it.
  static func require(_ matter: Matter, _ caller: Principal) throws {
    guard caller.isDelegated else { return }
    // By what else a token came does not matter: each way that is not the exception bars it.
    let barred = caller.oauth1 != nil || caller.methods.contains("ec2credential")
    let allowed =
      switch matter {
      case .credentials: false
      case .applicationCredentials:
        !barred && caller.trust == nil && caller.applicationCredential?.unrestricted == true
      case .trusts: !barred && caller.applicationCredential == nil
      }
    guard allowed else { throw Fault.forbidden("A token that was got by delegation may not do this.") }
  }

  /// Bounds an application credential that another one makes: it ends when that does at the latest, and may do no more.
  /// Throws `Fault` 403 where it asks for more.
  static func bound(_ tx: Transaction, _ made: inout ApplicationCredential, by caller: Principal) throws {
    guard let parent = caller.applicationCredential else { return }
    if let rules = parent.accessRules {
      let asked = made.accessRules ?? rules
      guard asked.allSatisfy(rules.contains) else {
        throw Fault.forbidden("The application credential of the token may not do what these access rules allow.")
      }
      made.accessRules = asked
    }
    guard let end = try ApplicationCredentialTable.find(tx, parent.id)?.expiresAt else { return }
    guard made.expiresAt.map({ $0 <= end }) ?? true else {
      throw Fault.forbidden("The application credential of the token ends before.")
    }
    made.expiresAt = made.expiresAt ?? end
  }

  // MARK: Logging in by a trust

  /// Binds a login to a trust: its project and roles, its life, one of its uses. Throws `Fault` 401 where there is no
  /// such trust, 403 where the user is not its trustee or what it gives is no longer there.
  static func enter(
    _ tx: Transaction, trust id: String, _ recognised: inout Recognised, at now: Timestamp
  ) throws {
    guard let trust = try TrustTable.forToken(tx, id, at: now), trust.remainingUses != 0 else {
      throw LoginRules.refusal
    }
    guard trust.trusteeID == recognised.userID, !recognised.isDelegated, trust.agentsEnabled, let roles = trust.roles,
      trust.projectID == nil || !roles.isEmpty
    else { throw Fault.forbidden("The trust does not serve this user now.") }
    try TrustTable.consumeUse(tx, id)
    recognised.trustID = id
    recognised.trustorGeneration = trust.trustorGeneration
    recognised.scope = trust.projectID.map { .project(.id($0)) } ?? .unscoped
    recognised.expiresAt = [recognised.expiresAt, trust.expiresAt].compactMap { $0 }.min()
  }
}
