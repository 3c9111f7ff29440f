import Kit
import Store

/// What was last read of directories: their users and groups are rows like all others, marked with where they are from.
enum DirectoryTable {
  /// A row that is a directory's.
  struct Known: Sendable {
    var id: String
    var localID: String
  }

  /// Ids of the domains whose users are in a directory.
  static func domains(_ tx: Transaction) throws -> [String] {
    try tx.query(
      """
      SELECT c.domain_id FROM identity_domain_config c
      WHERE c.option_group = 'identity' AND c.name = 'driver' AND c.value = '"ldap"' ORDER BY c.domain_id
      """
    ) { $0.text(0) }
  }

  static func isDirectory(_ tx: Transaction, domainID: String) throws -> Bool {
    try tx.exists(
      """
      SELECT 1 FROM identity_domain_config c WHERE c.domain_id = \(domainID)
        AND c.option_group = 'identity' AND c.name = 'driver' AND c.value = '"ldap"'
      """)
  }

  /// The domain and local id of a directory's user.
  static func place(_ tx: Transaction, user id: String) throws -> (domainID: String, localID: String)? {
    try tx.first("SELECT domain_id, local_id FROM identity_directory_user WHERE user_id = \(id)") {
      ($0.text(0), $0.text(1))
    }
  }

  /// The domain of a directory's group.
  static func domain(_ tx: Transaction, group id: String) throws -> String? {
    try tx.first("SELECT domain_id FROM identity_directory_group WHERE group_id = \(id)") { $0.text(0) }
  }

  // MARK: Users

  static func users(_ tx: Transaction, domainID: String) throws -> [Known] {
    try tx.query("SELECT user_id, local_id FROM identity_directory_user WHERE domain_id = \(domainID)") {
      Known(id: $0.text(0), localID: $0.text(1))
    }
  }

  /// Writes a user as the directory has it, and voids its tokens where it cannot be used any more. Returns its id; nil
  /// where its name is that of another user of the domain, who was here before.
  static func put(
    _ tx: Transaction, _ user: DirectoryUser, domainID: String, at now: Timestamp
  ) throws -> String? {
    let id = DirectoryReader.publicID(domainID: domainID, "user", localID: user.localID)
    var extra: [String: JSONValue] = [:]
    if let email = user.email { extra["email"] = .string(email) }
    if let description = user.description { extra["description"] = .string(description) }
    let holder = try UserTable.id(tx, .name(user.name, .id(domainID)))
    guard holder == nil || holder == id else { return nil }
    guard let old = try UserTable.find(tx, id) else {
      let made = User(
        id: id, domainID: domainID, name: user.name, enabled: user.enabled, defaultProjectID: nil, options: [:],
        extra: extra)
      try UserTable.insert(tx, made, at: now)
      try tx.execute(
        """
        INSERT INTO identity_directory_user (user_id, domain_id, local_id)
        VALUES (\(id), \(domainID), \(user.localID))
        """)
      return id
    }
    var changed = old
    changed.name = user.name
    changed.enabled = user.enabled
    changed.extra = extra
    guard changed.name != old.name || changed.enabled != old.enabled || changed.extra != old.extra else { return id }
    try UserTable.update(tx, changed)
    if old.enabled && !changed.enabled { try UserTable.voidTokens(tx, id) }
    return id
  }

  /// Disables a user who is not in the directory any more. What it had stays, for the day it is there again.
  static func disable(_ tx: Transaction, user id: String) throws {
    guard var user = try UserTable.find(tx, id), user.enabled else { return }
    user.enabled = false
    try UserTable.update(tx, user)
    try UserTable.voidTokens(tx, id)
  }

  // MARK: Groups

  static func groups(_ tx: Transaction, domainID: String) throws -> [Known] {
    try tx.query("SELECT group_id, local_id FROM identity_directory_group WHERE domain_id = \(domainID)") {
      Known(id: $0.text(0), localID: $0.text(1))
    }
  }

  /// Writes a group as the directory has it, without its members. Returns its id; nil where its name is another's.
  static func put(_ tx: Transaction, _ group: DirectoryGroup, domainID: String) throws -> String? {
    let id = DirectoryReader.publicID(domainID: domainID, "group", localID: group.localID)
    let holder = try GroupTable.existing(tx, named: [group.name], domain: domainID).first
    guard holder == nil || holder == id else { return nil }
    guard var old = try GroupTable.find(tx, id) else {
      try GroupTable.insert(
        tx, Group(id: id, domainID: domainID, name: group.name, description: group.description, extra: [:]))
      try tx.execute(
        """
        INSERT INTO identity_directory_group (group_id, domain_id, local_id)
        VALUES (\(id), \(domainID), \(group.localID))
        """)
      return id
    }
    guard old.name != group.name || old.description != group.description else { return id }
    old.name = group.name
    old.description = group.description
    try GroupTable.update(tx, old)
    return id
  }

  static func members(_ tx: Transaction, group id: String) throws -> Set<String> {
    Set(try tx.query("SELECT user_id FROM identity_group_member WHERE group_id = \(id)") { $0.text(0) })
  }

  /// The directory's groups that a user is in.
  static func groups(_ tx: Transaction, with user: String) throws -> Set<String> {
    Set(
      try tx.query(
        """
        SELECT m.group_id FROM identity_group_member m JOIN identity_directory_group d ON d.group_id = m.group_id
        WHERE m.user_id = \(user)
        """
      ) { $0.text(0) })
  }
}
