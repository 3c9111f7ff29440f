public import Store

/// What the identity service offers the others.
public protocol IdentityContract: Sendable {
  /// The project's name and whether it is enabled; nil where there is none.
  func project(_ tx: Transaction, id: String) throws -> ProjectRecord?

  /// The names of those of these users and projects that are there, by id.
  func names(_ tx: Transaction, users: Set<String>, projects: Set<String>) throws -> IdentityNames
}

/// A project as other services see it.
public struct ProjectRecord: Sendable, Hashable {
  public var id: String
  public var name: String
  public var domainID: String
  public var enabled: Bool

  public init(id: String, name: String, domainID: String, enabled: Bool) {
    self.id = id
    self.name = name
    self.domainID = domainID
    self.enabled = enabled
  }
}

/// Names of users and projects by id.
public struct IdentityNames: Sendable, Hashable {
  public var users: [String: String]
  public var projects: [String: String]

  public init(users: [String: String] = [:], projects: [String: String] = [:]) {
    self.users = users
    self.projects = projects
  }
}
