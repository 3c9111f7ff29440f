import Auth
import Kit
import Store

/// Trusts.
enum TrustTable {
  /// Trusts that are looked at above one, whatever the settings were when they were made.
  private static let ancestorsMax = 100

  private static func decode(_ row: any Row) throws -> Trust {
    Trust(
      id: row.text(0), trustorID: row.text(1), trusteeID: row.text(2), projectID: row.textOrNil(3),
      impersonation: row.bool(4), expiresAt: row.timeOrNil(5), remainingUses: row.intOrNil(6),
      redelegatedTrustID: row.textOrNil(7), redelegationCount: row.int(8), extra: try row.document(9))
  }

  /// Without their roles.
  static func list(_ tx: Transaction, _ conditions: [SQL], _ chunk: Chunk) throws -> [Trust] {
    try tx.query(
      """
      SELECT t.id, t.trustor_user_id, t.trustee_user_id, t.project_id, t.impersonation, t.expires_at,
        t.remaining_uses, t.redelegated_trust_id, t.redelegation_count, t.extra
      FROM identity_trust t \(chunk.clause(conditions, id: "t.id"))
      """, decode)
  }

  static func find(_ tx: Transaction, _ id: String) throws -> Trust? {
    guard var trust = try list(tx, ["t.id = \(id)"], Chunk(count: 1)).first else { return nil }
    trust.roleIDs = try tx.query(
      "SELECT k.role_id FROM identity_trust_role k WHERE k.trust_id = \(id) ORDER BY k.role_id"
    ) { $0.text(0) }
    return trust
  }

  /// Its roles that still exist.
  static func roles(_ tx: Transaction, _ trust: Trust) throws -> [Role] {
    try RoleTable.list(
      tx, ["r.id IN (\(list: trust.roleIDs))"], Chunk(count: max(trust.roleIDs.count, 1)))
  }

  static func insert(_ tx: Transaction, _ trust: Trust) throws {
    try AccessNotes.row(tx, "identity_trust", trust.id) {
      try tx.execute(
        """
        INSERT INTO identity_trust (id, trustor_user_id, trustee_user_id, project_id, impersonation, expires_at,
          remaining_uses, redelegated_trust_id, redelegation_count, extra)
        VALUES (\(trust.id), \(trust.trustorID), \(trust.trusteeID), \(trust.projectID), \(trust.impersonation),
          \(trust.expiresAt), \(trust.remainingUses), \(trust.redelegatedTrustID), \(trust.redelegationCount),
          \(trust.extra.document))
        """)
      for role in Set(trust.roleIDs) {
        try tx.execute("INSERT INTO identity_trust_role (trust_id, role_id) VALUES (\(trust.id), \(role))")
      }
    }
  }

  /// Deletes it with all that was handed on of it.
  static func delete(_ tx: Transaction, _ id: String) throws {
    try AccessNotes.row(tx, "identity_trust", id) {
      try tx.execute("DELETE FROM identity_trust WHERE id = \(id)")
      try RevocationEventTable.note(tx, .trust, id)
    }
  }

  /// Takes one of its uses, where they are counted.
  static func consumeUse(_ tx: Transaction, _ id: String) throws {
    try tx.execute(
      "UPDATE identity_trust SET remaining_uses = remaining_uses - 1 WHERE id = \(id) AND remaining_uses > 0")
  }

  /// The condition that `t` is a trust or was handed on from it.
  static func within(_ id: String) -> SQL {
    """
    t.id IN (WITH RECURSIVE below (id, depth) AS (
      SELECT w.id, 0 FROM identity_trust w WHERE w.id = \(id)
      UNION ALL
      SELECT w.id, b.depth + 1 FROM identity_trust w JOIN below b ON w.redelegated_trust_id = b.id
      WHERE b.depth < \(ancestorsMax)) SELECT id FROM below)
    """
  }

  // MARK: Tokens

  /// A trust as a login and a token see it, with all that it was handed on from.
  struct ForToken {
    var trustorID: String
    var trusteeID: String
    var projectID: String?
    var impersonation: Bool
    /// The earliest end of the whole chain.
    var expiresAt: Timestamp?
    var remainingUses: Int?
    var trustorGeneration: Int
    var trustor: (name: String, domainID: String, domainName: String)
    /// Whether every trustor and trustee of the chain, and their domains, are enabled.
    var agentsEnabled: Bool
    /// The roles it gives, implied ones included; nil where the first trustor has no longer all of them.
    var roles: [Principal.Role]?
  }

  /// nil where it or a trust above it is gone or has expired.
  static func forToken(_ tx: Transaction, _ id: String, at now: Timestamp) throws -> ForToken? {
    var found: ForToken?
    var first = ""
    var expired = false
    try tx.forEach(
      """
      WITH RECURSIVE chain (id, parent, depth) AS (
        SELECT t.id, t.redelegated_trust_id, 0 FROM identity_trust t WHERE t.id = \(id)
        UNION ALL
        SELECT t.id, t.redelegated_trust_id, c.depth + 1 FROM identity_trust t JOIN chain c ON t.id = c.parent
        WHERE c.depth < \(ancestorsMax))
      SELECT t.trustor_user_id, t.trustee_user_id, t.project_id, t.impersonation, t.expires_at, t.remaining_uses,
        a.token_generation, a.name, e.id, e.name, a.enabled, e.enabled, b.enabled, f.enabled
      FROM chain c JOIN identity_trust t ON t.id = c.id
      JOIN identity_user a ON a.id = t.trustor_user_id JOIN identity_project e ON e.id = a.domain_id
      JOIN identity_user b ON b.id = t.trustee_user_id JOIN identity_project f ON f.id = b.domain_id
      ORDER BY c.depth
      """
    ) { row in
      let enabled = row.bool(10) && row.bool(11) && row.bool(12) && row.bool(13)
      let end = row.timeOrNil(4)
      expired = expired || end.map { $0 <= now } ?? false
      // The last one is where it all began.
      first = row.text(0)
      if var whole = found {
        whole.agentsEnabled = whole.agentsEnabled && enabled
        whole.expiresAt = [whole.expiresAt, end].compactMap { $0 }.min()
        found = whole
        return
      }
      found = ForToken(
        trustorID: row.text(0), trusteeID: row.text(1), projectID: row.textOrNil(2), impersonation: row.bool(3),
        expiresAt: end, remainingUses: row.intOrNil(5), trustorGeneration: row.int(6),
        trustor: (row.text(7), row.text(8), row.text(9)), agentsEnabled: enabled)
    }
    guard var trust = found, !expired else { return nil }
    if let project = trust.projectID {
      trust.roles = try roles(tx, id, of: first, in: project)
    } else {
      trust.roles = []
    }
    return trust
  }

  /// A trust's roles with those that they bring, where `trustor` has each of them in the project; else nil. A domain's
  /// role counts, but is in no token.
  private static func roles(
    _ tx: Transaction, _ id: String, of trustor: String, in project: String
  ) throws -> [Principal.Role]? {
    let held = try AssignmentTable.effectiveIDs(tx, AssignmentTable.held(user: trustor, .project(project)))
    var roles: [Principal.Role] = []
    var lost = false
    try tx.forEach(
      """
      \(AssignmentTable.effective("SELECT k.role_id FROM identity_trust_role k WHERE k.trust_id = \(id)"))
      SELECT e.id, r.name, r.domain_id FROM effective e LEFT JOIN identity_role r ON r.id = e.id ORDER BY r.name
      """
    ) { row in
      guard let name = row.textOrNil(1), held.contains(row.text(0)) else {
        lost = true
        return
      }
      if row.isNull(2) { roles.append(.init(id: row.text(0), name: name)) }
    }
    return lost ? nil : roles
  }
}
