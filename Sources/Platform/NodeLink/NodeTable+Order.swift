import Store

/// Which report of a node was taken last. The row is the one arbiter: whoever takes a report, over whichever connection
/// and in whichever control process, updates it in the transaction that stores the report, and so waits for the others.
extension NodeTable {
  static let orderMigrations = [
    Migration(
      room: "nodelink", number: 5, .expand,
      [
        "ALTER TABLE node ADD COLUMN report_life TEXT",
        "ALTER TABLE node ADD COLUMN report_number INTEGER NOT NULL DEFAULT 0",
      ])
  ]

  /// What a report that is not believed is answered. An agent whose present life is told so greets anew: a greeting of
  /// before was stored after its own.
  static let late = LinkError.refused(
    status: 409, reason: "A newer report of this node was taken, or it has greeted anew.")

  /// The node has greeted, and its row is there: from now on the reports of this life count, from the first on. With
  /// nil, from a node of an older release, those that carry no order.
  static func begin(_ tx: Transaction, _ id: String, life: String?) throws {
    try tx.execute("UPDATE node SET report_life = \(life), report_number = 0 WHERE node_id = \(id)")
  }

  /// Notes that a report is taken. False where it must not be: a newer one was, or it is not of the life that greeted
  /// last.
  static func take(_ tx: Transaction, _ id: String, _ order: ReportOrder?) throws -> Bool {
    guard let order else {
      return try !tx.exists("SELECT 1 FROM node WHERE node_id = \(id) AND report_life IS NOT NULL")
    }
    let taken = try tx.execute(
      """
      UPDATE node SET report_number = \(order.number)
      WHERE node_id = \(id) AND report_life = \(order.life) AND report_number < \(order.number)
      """)
    return taken == 1
  }
}
