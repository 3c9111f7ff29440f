import API
import Auth
import Foundation
import Kit
import Store

/// Makes a user of ours of who an identity provider says it is, and gives it what the mapping says: that and no more.
struct ShadowUsers: Sendable {
  /// Domains that the groups of one login may be in.
  private static let domainsMax = 100
  let provider: IdentityProvider
  let protocolID: String
  let version: MappingRules.Version
  let now: Timestamp

  /// The user's id, and the groups it is in as long as its tokens. Throws `MappingEngine.Failure`.
  func settle(
    _ tx: Transaction, _ mapped: MappedIdentity, subject: String?
  ) throws -> (userID: String, groupIDs: [String]) {
    let groups = try groups(tx, mapped)
    let user = try user(tx, mapped, subject: subject)
    let end = provider.authorizationTTL.map { now.adding(seconds: Double(min($0, Self.minutesMax)) * 60) } ?? now
    try FederatedUserTable.setGroups(tx, user: user.id, idp: provider.id, now < end ? groups : [], until: end)
    try assign(tx, mapped.projects, to: user)
    return (user.id, groups)
  }

  /// A hundred years.
  private static let minutesMax = 52_560_000

  // MARK: The user

  private func user(_ tx: Transaction, _ mapped: MappedIdentity, subject: String?) throws -> User {
    guard let name = mapped.userName ?? mapped.userID ?? subject, (1...255).contains(name.count),
      let uniqueID = Self.quoted(mapped.userID ?? name), uniqueID.utf8.count <= 255
    else { throw MappingEngine.Failure(reason: "it names nobody, or by a name that is too long") }
    let found = try FederatedUserTable.find(tx, idp: provider.id, protocol: protocolID, uniqueID: uniqueID)
    if let found, var user = try UserTable.find(tx, found) {
      guard user.enabled else { throw MappingEngine.Failure(reason: "the user is disabled") }
      let old = user
      user.name = try freeName(tx, name, user)
      if let email = mapped.email { user.extra["email"] = .string(email) }
      if user.name != old.name || user.extra != old.extra { try UserTable.update(tx, user) }
      return user
    }
    var user = User(
      id: Identifier.hex(), domainID: try domain(tx, mapped.userDomain), name: name, enabled: true,
      defaultProjectID: nil, options: [:], extra: mapped.email.map { ["email": .string($0)] } ?? [:])
    user.name = try freeName(tx, name, user)
    try UserTable.insert(tx, user, at: now)
    try FederatedUserTable.insert(
      tx, user: user.id, idp: provider.id, protocol: protocolID, uniqueID: uniqueID, displayName: name)
    return user
  }

  /// The name itself, or, where another user of the domain has it, one that says where this one comes from: nobody gets
  /// another's name by logging in elsewhere.
  private func freeName(_ tx: Transaction, _ name: String, _ user: User) throws -> String {
    let choices = [name, "\(name.prefix(100)) (\(provider.id)/\(protocolID))", "\(name.prefix(100)) (\(user.id))"]
    for choice in choices.map({ String($0.prefix(255)) }) {
      let holder = try UserTable.id(tx, .name(choice, .id(user.domainID)))
      if holder == nil || holder == user.id { return choice }
    }
    throw MappingEngine.Failure(reason: "its name is taken")
  }

  /// Percent-encoded as Python's `quote` does, which is how Keystone keeps a unique id.
  static func quoted(_ text: String) -> String? {
    text.addingPercentEncoding(withAllowedCharacters: unreserved)
  }

  private static let unreserved = CharacterSet(
    charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~/")

  /// The domain a mapping names; the provider's own where it names none.
  private func domain(_ tx: Transaction, _ named: MappedIdentity.Domain?) throws -> String {
    guard let named else { return provider.domainID }
    guard let id = try Self.find(tx, named) else { throw MappingEngine.Failure(reason: "there is no such domain") }
    return id
  }

  private static func find(_ tx: Transaction, _ named: MappedIdentity.Domain) throws -> String? {
    if let id = named.id { return try ProjectTable.domainID(tx, .id(id)) }
    return try named.name.flatMap { try ProjectTable.domainID(tx, .name($0)) }
  }

  /// The user of ours whom a mapping means with `"type": "local"`.
  static func local(_ tx: Transaction, _ mapped: MappedIdentity) throws -> String {
    if let id = mapped.userID, let found = try UserTable.id(tx, .id(id)) { return found }
    if let name = mapped.userName, let named = mapped.userDomain, let domain = try find(tx, named),
      let found = try UserTable.id(tx, .name(name, .id(domain)))
    {
      return found
    }
    throw MappingEngine.Failure(reason: "there is no such local user")
  }

  // MARK: Groups

  /// Ids of the groups. One that is named by id must be there; one that is named by name counts where it is there.
  private func groups(_ tx: Transaction, _ mapped: MappedIdentity) throws -> [String] {
    let ids = mapped.groupIDs.sorted()
    var found = Set(try GroupTable.existing(tx, ids))
    guard found.count == ids.count else { throw MappingEngine.Failure(reason: "one of the groups is not there") }
    let byDomain = Dictionary(grouping: mapped.groupNames, by: \.domain)
    guard byDomain.count <= Self.domainsMax else { throw MappingEngine.Failure(reason: "too many domains") }
    for (named, groups) in byDomain {
      guard let domain = try Self.find(tx, named) else { continue }
      found.formUnion(try GroupTable.existing(tx, named: groups.map(\.name).sorted(), domain: domain))
    }
    guard found.count <= TokenPayload.federatedGroupsMax else {
      throw MappingEngine.Failure(reason: "more than \(TokenPayload.federatedGroupsMax) groups")
    }
    return found.sorted()
  }

  // MARK: Projects

  private func assign(_ tx: Transaction, _ projects: [MappedIdentity.Project], to user: User) throws {
    var wanted: [String: Set<String>] = [:]
    for project in projects {
      // All is looked up before anything is made.
      let roles = try project.roles.map { name -> String in
        guard let id = try Self.role(tx, name, domain: user.domainID) else {
          throw MappingEngine.Failure(reason: "there is no role \(name.quoted)")
        }
        return id
      }
      wanted[try self.project(tx, project), default: []].formUnion(roles)
    }
    for (project, roles) in wanted.sorted(by: { $0.key < $1.key }) {
      for role in roles.sorted() { try AssignmentTable.insert(tx, .user(user.id), .project(project), role: role) }
    }
    guard version == .synchronised else { return }
    for held in try FederatedUserTable.projectRoles(tx, user: user.id)
    where wanted[held.project]?.contains(held.role) != true {
      _ = try AssignmentTable.delete(
        tx, .init(actor: .user(user.id), target: .project(held.project)), role: held.role)
    }
  }

  /// The role of the cloud of that name, or of the user's domain.
  private static func role(_ tx: Transaction, _ name: String, domain: String) throws -> String? {
    if let role = try RoleTable.named(tx, name) { return role.id }
    return try RoleTable.list(
      tx, ["\(raw: RoleTable.name) = \(name)", "r.domain_id = \(domain)"], Chunk(count: 1)
    ).first?.id
  }

  /// The project of that name, made where it is not there.
  private func project(_ tx: Transaction, _ named: MappedIdentity.Project) throws -> String {
    let domain = try domain(tx, named.domain)
    if let id = try ProjectTable.projectID(tx, .name(named.name, .id(domain))) { return id }
    guard (1...64).contains(named.name.count) else {
      throw MappingEngine.Failure(reason: "a project's name has 1 to 64 characters")
    }
    let made = Project(
      id: Identifier.hex(), name: named.name, domainID: domain, parentID: domain, isDomain: false, enabled: true,
      description: "", options: [:], extra: [:], tags: [])
    try ProjectTable.insert(tx, made)
    return made.id
  }
}
