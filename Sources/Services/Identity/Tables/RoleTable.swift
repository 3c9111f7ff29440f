import Kit
import Store

/// Roles, and which role brings which.
enum RoleTable {
  private static func decode(_ row: any Row) throws -> Role {
    Role(
      id: row.text(0), name: row.text(1), domainID: row.textOrNil(2), description: row.textOrNil(3),
      options: try row.document(4), extra: try row.document(5))
  }

  /// The name of a row of `identity_role r`, as everybody but the store knows it.
  static let name = "coalesce(r.own_name, r.name)"

  /// What stands in the column `name`, which has each value once: no role of the cloud is called what a domain's is.
  private static func key(_ role: Role) -> String {
    role.domainID.map { "\($0)\u{1F}\(role.name)" } ?? role.name
  }

  static func find(_ tx: Transaction, _ id: String) throws -> Role? {
    try list(tx, ["r.id = \(id)"], Chunk(count: 1)).first
  }

  /// The role of the cloud of that name.
  static func named(_ tx: Transaction, _ name: String) throws -> Role? {
    try list(tx, ["r.name = \(name)", "r.domain_id IS NULL"], Chunk(count: 1)).first
  }

  static func list(_ tx: Transaction, _ conditions: [SQL], _ chunk: Chunk) throws -> [Role] {
    try tx.query(
      """
      SELECT r.id, \(raw: name), r.domain_id, r.description, r.options, r.extra FROM identity_role r
      \(chunk.clause(conditions, id: "r.id"))
      """,
      decode)
  }

  static func insert(_ tx: Transaction, _ role: Role) throws {
    try AccessNotes.row(tx, "identity_role", role.id) {
      try tx.execute(
        """
        INSERT INTO identity_role (id, name, domain_id, own_name, description, options, extra)
        VALUES (\(role.id), \(key(role)), \(role.domainID), \(role.domainID.map { _ in role.name }),
          \(role.description), \(role.options.document), \(role.extra.document))
        """)
    }
  }

  static func update(_ tx: Transaction, _ role: Role) throws {
    try AccessNotes.row(tx, "identity_role", role.id) {
      try tx.execute(
        """
        UPDATE identity_role SET name = \(key(role)), own_name = \(role.domainID.map { _ in role.name }),
          description = \(role.description), options = \(role.options.document), extra = \(role.extra.document)
        WHERE id = \(role.id)
        """)
    }
  }

  // MARK: Inferences

  /// Whether it is new.
  static func imply(_ tx: Transaction, _ prior: String, _ implied: String) throws -> Bool {
    let isNew =
      try tx.execute(
        """
        INSERT INTO identity_role_inference (prior_role_id, implied_role_id) VALUES (\(prior), \(implied))
        ON CONFLICT DO NOTHING
        """) > 0
    if isNew { AccessNotes.came("role_inference", ["prior_role_id": prior, "implied_role_id": implied]) }
    return isNew
  }

  /// Whether who has the role `prior` has `implied` by it, directly or by others.
  static func brings(_ tx: Transaction, _ prior: String, _ implied: String) throws -> Bool {
    try tx.exists(
      """
      WITH RECURSIVE brought (id) AS (
        SELECT implied_role_id FROM identity_role_inference WHERE prior_role_id = \(prior)
        UNION
        SELECT n.implied_role_id FROM identity_role_inference n JOIN brought b ON n.prior_role_id = b.id)
      SELECT 1 FROM brought WHERE id = \(implied)
      """)
  }

  /// Whether it was there.
  static func unimply(_ tx: Transaction, _ prior: String, _ implied: String) throws -> Bool {
    let was =
      try tx.execute(
        "DELETE FROM identity_role_inference WHERE prior_role_id = \(prior) AND implied_role_id = \(implied)") > 0
    if was { AccessNotes.went("role_inference", ["prior_role_id": prior, "implied_role_id": implied]) }
    return was
  }

  /// Each role that brings others, with those it brings directly; only `prior`'s where it is given.
  static func inferences(_ tx: Transaction, prior: String? = nil) throws -> [(prior: Named, implied: [Named])] {
    var inferences: [(prior: Named, implied: [Named])] = []
    try tx.forEach(
      """
      SELECT p.id, coalesce(p.own_name, p.name), i.id, coalesce(i.own_name, i.name) FROM identity_role_inference n
      JOIN identity_role p ON p.id = n.prior_role_id JOIN identity_role i ON i.id = n.implied_role_id
      \(SQL.whereAll(prior.map { ["p.id = \($0)"] } ?? [])) ORDER BY p.id, i.id
      """
    ) {
      let prior = Named(id: $0.text(0), name: $0.text(1))
      let implied = Named(id: $0.text(2), name: $0.text(3))
      if inferences.last?.prior == prior {
        inferences[inferences.count - 1].implied.append(implied)
      } else {
        inferences.append((prior, [implied]))
      }
    }
    return inferences
  }
}
