import Kit
import Store

/// Roles, and which role brings which.
enum RoleTable {
  private static func decode(_ row: any Row) throws -> Role {
    Role(
      id: row.text(0), name: row.text(1), description: row.textOrNil(2), options: try row.document(3),
      extra: try row.document(4))
  }

  static func find(_ tx: Transaction, _ id: String) throws -> Role? {
    try list(tx, ["r.id = \(id)"], Chunk(count: 1)).first
  }

  static func named(_ tx: Transaction, _ name: String) throws -> Role? {
    try list(tx, ["r.name = \(name)"], Chunk(count: 1)).first
  }

  static func list(_ tx: Transaction, _ conditions: [SQL], _ chunk: Chunk) throws -> [Role] {
    try tx.query(
      """
      SELECT r.id, r.name, r.description, r.options, r.extra FROM identity_role r
      \(chunk.clause(conditions, id: "r.id"))
      """,
      decode)
  }

  static func insert(_ tx: Transaction, _ role: Role) throws {
    try tx.execute(
      """
      INSERT INTO identity_role (id, name, description, options, extra)
      VALUES (\(role.id), \(role.name), \(role.description), \(role.options.document), \(role.extra.document))
      """)
  }

  static func update(_ tx: Transaction, _ role: Role) throws {
    try tx.execute(
      """
      UPDATE identity_role SET name = \(role.name), description = \(role.description),
        options = \(role.options.document), extra = \(role.extra.document) WHERE id = \(role.id)
      """)
  }

  static func delete(_ tx: Transaction, _ id: String) throws {
    try tx.execute("DELETE FROM identity_role WHERE id = \(id)")
  }

  // MARK: Inferences

  static func imply(_ tx: Transaction, _ prior: String, _ implied: String) throws {
    try tx.execute(
      """
      INSERT INTO identity_role_inference (prior_role_id, implied_role_id) VALUES (\(prior), \(implied))
      ON CONFLICT DO NOTHING
      """)
  }

  /// Whether it was there.
  static func unimply(_ tx: Transaction, _ prior: String, _ implied: String) throws -> Bool {
    try tx.execute(
      "DELETE FROM identity_role_inference WHERE prior_role_id = \(prior) AND implied_role_id = \(implied)") > 0
  }

  /// Each role that brings others, with those it brings directly; only `prior`'s where it is given.
  static func inferences(_ tx: Transaction, prior: String? = nil) throws -> [(prior: Named, implied: [Named])] {
    var inferences: [(prior: Named, implied: [Named])] = []
    try tx.forEach(
      """
      SELECT p.id, p.name, i.id, i.name FROM identity_role_inference n
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
