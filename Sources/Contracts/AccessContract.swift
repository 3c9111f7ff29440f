public import Auth
public import Store

/// Who may do what, and by what: facts of identity for `haneul who-can` and `haneul why-denied`.
public protocol AccessContract: Sendable {
  /// What of identity has this id, or alone this name, as policies see it; nil where nothing has.
  func accessTarget(_ tx: Transaction, _ text: String) throws -> AccessTarget?

  /// Who is let in by a clause: on the resource that `target` describes, or on some resource where it is nil. At most
  /// `limit`, by name.
  func holders(_ tx: Transaction, of clause: PolicyClause, on target: PolicyTarget?, limit: Int) throws -> [AccessPath]

  /// Names of the roles that a user has now in a project, a domain or (nil) on the system, whatever brings them.
  func rolesNow(_ tx: Transaction, user: String, place: String?) throws -> [String]
}

/// A resource as policies see it.
public struct AccessTarget: Sendable {
  /// `user`, `group`, `project`, `domain`, or another service's word.
  public var kind: String
  public var id: String
  public var name: String
  public var policy: PolicyTarget

  public init(kind: String, id: String, name: String, policy: PolicyTarget) {
    self.kind = kind
    self.id = id
    self.name = name
    self.policy = policy
  }
}

/// One way in which a user has a right.
public struct AccessPath: Sendable, Hashable {
  public var userID: String
  public var userName: String
  /// Whether the user can log in.
  public var enabled: Bool
  /// The role that was assigned; nil where the resource is the user's own.
  public var role: String?
  /// Where it was assigned: `the system`, `project lab`, `domain Default`.
  public var place: String
  /// The group by which the user has it.
  public var group: String?
  /// Whether it holds in the projects below that place.
  public var inherited: Bool

  public init(
    userID: String, userName: String, enabled: Bool, role: String?, place: String, group: String?, inherited: Bool
  ) {
    self.userID = userID
    self.userName = userName
    self.enabled = enabled
    self.role = role
    self.place = place
    self.group = group
    self.inherited = inherited
  }
}
