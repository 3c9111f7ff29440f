import API
import Auth
import Kit
import Store

/// A trust as a request asks for it, and what may become of it.
struct TrustInput: Sendable {
  let trustorID: String
  private let trusteeID: String
  private let projectID: String?
  private let impersonation: Bool
  private let roles: [RoleReference]
  private var expiresAt: Timestamp?
  private let remainingUses: Int?
  private let mayBeRedelegated: Bool
  private let redelegationCount: Int?
  private let extra: [String: JSONValue]

  /// Throws `Fault` 400.
  init(_ fields: JSONFields, at now: Timestamp) throws {
    trustorID = try fields.string("trustor_user_id", 1...64)
    trusteeID = try fields.string("trustee_user_id", 1...64)
    projectID = try fields.optionalString("project_id", 1...64)
    impersonation = try fields.bool("impersonation")
    roles = try (fields.optionalObjects("roles", countMax: 100) ?? []).map(RoleReference.init)
    if let text = try fields.optionalString("expires_at") {
      guard let moment = Timestamp(iso8601: text) else { throw fields.invalid("expires_at", "it must be a time") }
      guard moment > now else { throw fields.invalid("expires_at", "it has passed") }
      expiresAt = moment
    }
    remainingUses = try fields.optionalInt("remaining_uses", 1...Int(Int32.max))
    redelegationCount = try fields.optionalInt("redelegation_count", 0...1000)
    mayBeRedelegated = try fields.optionalBool("allow_redelegation") == true && redelegationCount != 0
    // Which trust is handed on is what the token says.
    _ = fields.value("redelegated_trust_id")
    extra = fields.newExtra()
    if mayBeRedelegated, remainingUses != nil {
      throw fields.invalid("remaining_uses", "it must not be set where the trust may be handed on")
    }
  }

  /// The trust that the caller may make of it. Throws `Fault` 403, and 404 for a user, project or role that is not
  /// there or that the trustor does not have.
  func trust(_ tx: Transaction, for caller: Principal, _ settings: IdentitySettings, at now: Timestamp) throws -> Trust
  {
    guard caller.userID == trustorID else { throw Fault.forbidden("Nobody makes a trust for another.") }
    guard projectID == nil || !roles.isEmpty else { throw Fault.forbidden("A trust needs at least one role.") }
    guard try UserTable.find(tx, trusteeID) != nil else { throw Fault.noSuch("user", trusteeID) }
    if let projectID, try ProjectTable.forToken(tx, projectID, isDomain: false) == nil {
      throw Fault.noSuch("project", projectID)
    }
    let most = settings.redelegationsMax
    guard redelegationCount.map({ !mayBeRedelegated || $0 <= most }) ?? true else {
      throw Fault.forbidden("A trust can be handed on \(most) times at the most.")
    }
    var made = Trust(
      id: Identifier.hex(), trustorID: trustorID, trusteeID: trusteeID, projectID: projectID,
      impersonation: impersonation, expiresAt: expiresAt, remainingUses: remainingUses, redelegatedTrustID: nil,
      redelegationCount: mayBeRedelegated ? redelegationCount ?? most : 0, extra: extra)
    made.roleIDs = try roles.map { try $0.id(tx) }
    if let parent = caller.trust {
      try redelegate(tx, parent.id, &made, at: now)
    } else if let projectID {
      try Self.require(tx, made.roleIDs, of: trustorID, in: projectID)
    }
    return made
  }

  /// Throws `Fault` 404 where the trustor lacks one of the roles.
  private static func require(_ tx: Transaction, _ roles: [String], of user: String, in project: String) throws {
    let held = try AssignmentTable.effectiveIDs(tx, AssignmentTable.held(user: user, .project(project)))
    if let missing = roles.first(where: { !held.contains($0) }) { throw Fault.noSuch("role", missing) }
  }

  /// Makes it a trust that is handed on: of no more than the other gives, and for no longer. Throws `Fault` 403.
  private func redelegate(
    _ tx: Transaction, _ parentID: String, _ made: inout Trust, at now: Timestamp
  ) throws {
    guard let parent = try TrustTable.find(tx, parentID),
      let whole = try TrustTable.forToken(tx, parentID, at: now), whole.agentsEnabled, whole.roles != nil
    else { throw Fault.forbidden("The trust of the token is gone.") }
    guard parent.redelegationCount > 0, made.remainingUses == nil else {
      throw Fault.forbidden("The trust of the token may not be handed on like this.")
    }
    let left = parent.redelegationCount - 1
    guard !mayBeRedelegated || redelegationCount == nil || redelegationCount == left else {
      throw Fault.forbidden("How often the trust may be handed on follows from the trust of the token.")
    }
    // The project is the parent's: its trustor may have the same roles elsewhere, but has not given them.
    guard made.projectID == parent.projectID, Set(made.roleIDs).isSubset(of: parent.roleIDs) else {
      throw Fault.forbidden("The trust of the token does not give these roles in this project.")
    }
    guard parent.impersonation || !made.impersonation else {
      throw Fault.forbidden("The trust of the token does not let anybody speak as its trustor.")
    }
    if let end = whole.expiresAt {
      guard made.expiresAt.map({ $0 <= end }) ?? true else {
        throw Fault.forbidden("The trust of the token ends before.")
      }
      made.expiresAt = made.expiresAt ?? end
    }
    made.redelegatedTrustID = parentID
    made.redelegationCount = mayBeRedelegated ? left : 0
  }
}

/// A role as a request hands it on: by its id, or by the name of a role of the cloud.
enum RoleReference: Sendable {
  case id(String)
  case name(String)

  init(_ fields: JSONFields) throws {
    if let id = try fields.optionalString("id", 1...64) {
      self = .id(id)
    } else {
      self = .name(try fields.string("name", 1...255))
    }
  }

  /// Throws `Fault` 404 where there is none of the name.
  func id(_ tx: Transaction) throws -> String {
    switch self {
    case .id(let id): return id
    case .name(let name):
      guard let role = try RoleTable.named(tx, name) else { throw Fault.noSuch("role", name) }
      return role.id
    }
  }
}
