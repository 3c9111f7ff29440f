import Kit
import Store

/// Groups and their members.
enum GroupTable {
  private static func decode(_ row: any Row) throws -> Group {
    Group(
      id: row.text(0), domainID: row.text(1), name: row.text(2), description: row.text(3), extra: try row.document(4))
  }

  static func find(_ tx: Transaction, _ id: String) throws -> Group? {
    try list(tx, ["g.id = \(id)"], Chunk(count: 1)).first
  }

  static func list(_ tx: Transaction, _ conditions: [SQL], _ chunk: Chunk) throws -> [Group] {
    try tx.query(
      """
      SELECT g.id, g.domain_id, g.name, g.description, g.extra FROM identity_group g
      \(chunk.clause(conditions, id: "g.id"))
      """, decode)
  }

  static func insert(_ tx: Transaction, _ group: Group) throws {
    try AccessNotes.row(tx, "identity_group", group.id) {
      try tx.execute(
        """
        INSERT INTO identity_group (id, domain_id, name, description, extra)
        VALUES (\(group.id), \(group.domainID), \(group.name), \(group.description), \(group.extra.document))
        """)
    }
  }

  static func update(_ tx: Transaction, _ group: Group) throws {
    try AccessNotes.row(tx, "identity_group", group.id) {
      try tx.execute(
        """
        UPDATE identity_group SET name = \(group.name), description = \(group.description),
          extra = \(group.extra.document) WHERE id = \(group.id)
        """)
    }
  }

  static func addMember(_ tx: Transaction, _ group: String, _ user: String) throws {
    let isNew =
      try tx.execute(
        "INSERT INTO identity_group_member (group_id, user_id) VALUES (\(group), \(user)) ON CONFLICT DO NOTHING") > 0
    if isNew { AccessNotes.came("group_member", ["group_id": group, "user_id": user]) }
  }

  /// Whether the user was a member.
  static func removeMember(_ tx: Transaction, _ group: String, _ user: String) throws -> Bool {
    let was =
      try tx.execute("DELETE FROM identity_group_member WHERE group_id = \(group) AND user_id = \(user)") > 0
    if was { AccessNotes.went("group_member", ["group_id": group, "user_id": user]) }
    return was
  }

  static func isMember(_ tx: Transaction, _ group: String, _ user: String) throws -> Bool {
    try tx.exists("SELECT 1 FROM identity_group_member WHERE group_id = \(group) AND user_id = \(user)")
  }

  // MARK: For federated logins

  /// Those of the ids that are groups.
  static func existing(_ tx: Transaction, _ ids: [String]) throws -> [String] {
    if ids.isEmpty { return [] }
    return try tx.query("SELECT id FROM identity_group WHERE id IN (\(list: ids))") { $0.text(0) }
  }

  /// Ids of the groups of a domain that have one of the names.
  static func existing(_ tx: Transaction, named names: [String], domain: String) throws -> [String] {
    try tx.query("SELECT id FROM identity_group WHERE domain_id = \(domain) AND name IN (\(list: names))") {
      $0.text(0)
    }
  }
}
