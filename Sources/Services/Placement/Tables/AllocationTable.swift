import Kit
import Store

/// The ledger: who holds how much of which host.
enum AllocationTable {
  /// Allocations that meet all conditions (on `a` and its consumer `c`), by consumer.
  static func list(_ tx: Transaction, where conditions: [SQL]) throws -> [Allocation] {
    try tx.query(
      """
      SELECT a.consumer, c.generation, c.project_id, c.user_id, a.provider, p.generation, a.class, a.used
      FROM allocation a JOIN consumer c ON c.uuid = a.consumer JOIN resource_provider p ON p.uuid = a.provider
      \(SQL.whereAll(conditions)) ORDER BY a.consumer, a.provider, a.class
      """
    ) { row in
      ResourceClass(rawValue: row.text(6)).map { resource in
        Allocation(
          consumer: row.text(0), consumerGeneration: row.int(1), projectID: row.text(2), userID: row.text(3),
          provider: row.text(4), providerGeneration: row.int(5), resourceClass: resource, used: row.int(7))
      }
    }.compactMap { $0 }
  }

  /// Writes a consumer's claim on a provider.
  static func insert(
    _ tx: Transaction, consumer: String, projectID: String, userID: String, provider: String, _ amounts: Amounts,
    at now: Timestamp
  ) throws {
    try tx.execute(
      """
      INSERT INTO consumer (uuid, project_id, user_id, generation, created_at)
      VALUES (\(consumer), \(projectID), \(userID), 1, \(now))
      ON CONFLICT (uuid) DO NOTHING
      """)
    for (resource, amount) in amounts {
      try tx.execute(
        """
        INSERT INTO allocation (consumer, provider, class, used)
        VALUES (\(consumer), \(provider), \(resource.rawValue), \(amount))
        """)
    }
  }

  /// Takes everything back; returns the providers it was on.
  static func delete(_ tx: Transaction, consumer: String) throws -> Set<String> {
    let providers = try tx.query("SELECT DISTINCT provider FROM allocation WHERE consumer = \(consumer)") {
      $0.text(0)
    }
    try tx.execute("DELETE FROM allocation WHERE consumer = \(consumer)")
    try tx.execute("DELETE FROM consumer WHERE uuid = \(consumer)")
    return Set(providers)
  }

  /// How much a project holds (one of its users alone where one is named), by class, and by how many consumers.
  static func usage(
    _ tx: Transaction, projectID: String, userID: String?
  ) throws -> (amounts: [String: Int], consumers: Int) {
    let conditions: [SQL] = ["c.project_id = \(projectID)"] + (userID.map { ["c.user_id = \($0)"] } ?? [])
    let amounts = try tx.query(
      """
      SELECT a.class, sum(a.used) FROM allocation a JOIN consumer c ON c.uuid = a.consumer
      \(SQL.whereAll(conditions)) GROUP BY a.class
      """
    ) { ($0.text(0), $0.int(1)) }
    let consumers = try tx.count("SELECT count(*) FROM consumer c \(SQL.whereAll(conditions))")
    return (Dictionary(amounts, uniquingKeysWith: +), consumers)
  }
}
