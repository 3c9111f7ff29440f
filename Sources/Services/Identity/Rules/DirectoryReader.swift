import Crypto
import Kit

/// A user as a directory has it.
struct DirectoryUser: Sendable {
  var localID: String
  var dn: String
  var name: String
  var enabled: Bool
  var email: String?
  var description: String?
}

/// A group as a directory has it, with the local ids of its users.
struct DirectoryGroup: Sendable {
  var localID: String
  var name: String
  var description: String
  var members: Set<String>
}

/// Reads a directory. It blocks: use it off the cooperative pool only.
struct DirectoryReader {
  /// Objects of one kind in a directory at the most.
  static let usersMax = 50_000
  static let groupsMax = 10_000
  /// Objects that are read where one is asked for: two say that the name is not one user's.
  private static let sameMax = 2
  let config: DirectoryConfig
  private let connection: LDAPConnection

  /// Connects, and shows who we are. Throws `LDAPConnection.Failure`.
  init(_ config: DirectoryConfig) throws {
    self.config = config
    connection = try LDAPConnection(config)
    if let user = config.user, let password = config.password {
      try connection.bind(dn: user, password: password)
    } else {
      try connection.bindAnonymously()
    }
  }

  /// The id that a user or group of a directory has here: as Keystone makes its public ids.
  static func publicID(domainID: String, _ kind: String, localID: String) -> String {
    SHA256.hash(data: Array((domainID + kind + localID).utf8)).map { byte in
      let digits = String(byte, radix: 16)
      return digits.count == 1 ? "0" + digits : digits
    }.joined()
  }

  // MARK: Users

  func users() throws -> [DirectoryUser] {
    try users(config.users.filter(), countMax: Self.usersMax)
  }

  /// The only user of that name; nil where there is none, or more than one.
  func user(name: String) throws -> DirectoryUser? { try user(config.users.nameAttribute, name) }

  func user(localID: String) throws -> DirectoryUser? { try user(config.users.idAttribute, localID) }

  private func user(_ attribute: String, _ value: String) throws -> DirectoryUser? {
    let filter = config.users.filter("(\(attribute)=\(LDAPConnection.escaped(value)))")
    let found: [DirectoryUser]
    do { found = try users(filter, countMax: Self.sameMax) } catch is LDAPConnection.TooMany { return nil }
    return found.count == 1 ? found[0] : nil
  }

  private func users(_ filter: String, countMax: Int) throws -> [DirectoryUser] {
    let kind = config.users
    let enabled = config.enabled
    return try connection.search(
      kind.base, scope: config.scope, filter: filter,
      attributes: [
        kind.idAttribute, kind.nameAttribute, kind.descriptionAttribute, config.mailAttribute, enabled.attribute,
      ], countMax: countMax
    ).compactMap { entry in
      // Without both it is nobody who could be named.
      guard let id = entry.first(kind.idAttribute), let name = entry.first(kind.nameAttribute),
        (1...255).contains(id.utf8.count), (1...255).contains(name.count)
      else { return nil }
      return DirectoryUser(
        localID: id, dn: entry.dn, name: name, enabled: enabled.isEnabled(entry.first(enabled.attribute)),
        email: entry.first(config.mailAttribute), description: entry.first(kind.descriptionAttribute))
    }
  }

  // MARK: Groups

  /// All groups; who of `users` is in them.
  func groups(of users: [DirectoryUser]) throws -> [DirectoryGroup] {
    let byDN = Dictionary(
      users.map { (LDAPConnection.comparable(dn: $0.dn), $0.localID) }, uniquingKeysWith: { first, _ in first })
    let ids = Set(users.map(\.localID))
    return try groups(config.groups.filter()) { member in
      config.membersAreIDs ? (ids.contains(member) ? member : nil) : byDN[LDAPConnection.comparable(dn: member)]
    }
  }

  /// The groups that a user is in, with this member alone.
  func groups(with user: DirectoryUser) throws -> [DirectoryGroup] {
    let member = LDAPConnection.escaped(config.membersAreIDs ? user.localID : user.dn)
    return try groups(config.groups.filter("(\(config.memberAttribute)=\(member))")) { _ in user.localID }
  }

  private func groups(_ filter: String, _ member: (String) -> String?) throws -> [DirectoryGroup] {
    let kind = config.groups
    let entries: [LDAPConnection.Entry]
    do {
      entries = try connection.search(
        kind.base, scope: config.scope, filter: filter,
        attributes: [kind.idAttribute, kind.nameAttribute, kind.descriptionAttribute, config.memberAttribute],
        countMax: Self.groupsMax)
    } catch let failure as LDAPConnection.Failure where failure.code == LDAPConnection.Failure.noSuchObject {
      // A directory need not have groups.
      return []
    }
    return entries.compactMap { entry in
      guard let id = entry.first(kind.idAttribute), let name = entry.first(kind.nameAttribute),
        (1...255).contains(id.utf8.count), (1...64).contains(name.count)
      else { return nil }
      let members = entry.values[config.memberAttribute.lowercased()] ?? []
      return DirectoryGroup(
        localID: id, name: name, description: entry.first(kind.descriptionAttribute) ?? "",
        members: Set(members.compactMap(member)))
    }
  }

  // MARK: Passwords

  /// Whether it is the user's password, asked on a connection of its own. Where there is no such user somebody is asked
  /// for who is not there, so that the work is the same.
  static func isRight(_ password: Secret<String>, of user: DirectoryUser?, _ config: DirectoryConfig) throws -> Bool {
    let connection = try LDAPConnection(config)
    do {
      try connection.bind(dn: user?.dn ?? "cn=nobody-\(Identifier.hex()),\(config.users.base)", password: password)
      return user != nil
    } catch let failure as LDAPConnection.Failure where failure.saysNo { return false }
  }
}

extension LDAPConnection.Failure {
  /// Whether the server has looked at a name and password and refuses them; else it could not be asked.
  fileprivate var saysNo: Bool {
    // invalidDNSyntax, noSuchObject, inappropriateAuthentication, invalidCredentials, insufficientAccess,
    // unwillingToPerform.
    [34, 32, 48, 49, 50, 53].contains(code)
  }
}
