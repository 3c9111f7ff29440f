import Kit
import Store

/// Hosts with their inventories and what is taken of them.
enum ProviderTable {
  /// Providers that meet all conditions (on `p`), by name, each with its inventories and their use.
  static func list(_ tx: Transaction, where conditions: [SQL] = []) throws -> [ResourceProvider] {
    let condition = SQL.whereAll(conditions)
    var providers = try tx.query(
      """
      SELECT p.uuid, p.name, p.generation, p.enabled, p.updated_at,
        (SELECT count(DISTINCT a.consumer) FROM allocation a WHERE a.provider = p.uuid)
      FROM resource_provider p \(condition) ORDER BY p.name, p.uuid
      """
    ) { row in
      ResourceProvider(
        uuid: row.text(0), name: row.text(1), generation: row.int(2), enabled: row.bool(3), updatedAt: row.time(4),
        consumerCount: row.int(5))
    }
    let places = Dictionary(providers.enumerated().map { ($1.uuid, $0) }, uniquingKeysWith: { first, _ in first })
    try tx.forEach(
      """
      SELECT i.provider, i.class, i.total, i.reserved, i.allocation_ratio, COALESCE(
        (SELECT sum(a.used) FROM allocation a WHERE a.provider = i.provider AND a.class = i.class), 0)
      FROM inventory i JOIN resource_provider p ON p.uuid = i.provider \(condition)
      """
    ) { row in
      guard let place = places[row.text(0)], let resource = ResourceClass(rawValue: row.text(1)) else { return }
      providers[place].inventories[resource] = Inventory(
        total: row.int(2), reserved: row.int(3), allocationRatio: row.double(4), used: row.int(5))
    }
    return providers
  }

  static func find(_ tx: Transaction, _ uuid: String) throws -> ResourceProvider? {
    try list(tx, where: ["p.uuid = \(uuid)"]).first
  }

  /// Stores a provider that is new; enabled, until somebody says otherwise.
  static func insert(_ tx: Transaction, uuid: String, name: String, at now: Timestamp) throws {
    try tx.execute(
      """
      INSERT INTO resource_provider (uuid, name, generation, enabled, created_at, updated_at)
      VALUES (\(uuid), \(name), 0, \(true), \(now), \(now))
      """)
  }

  static func rename(_ tx: Transaction, uuid: String, name: String) throws {
    try tx.execute("UPDATE resource_provider SET name = \(name) WHERE uuid = \(uuid)")
  }

  /// Says that the provider changed, and counts its room anew. Returns it as it is now.
  @discardableResult
  static func touch(_ tx: Transaction, uuid: String, at now: Timestamp) throws -> ResourceProvider? {
    try tx.execute(
      "UPDATE resource_provider SET generation = generation + 1, updated_at = \(now) WHERE uuid = \(uuid)")
    try tx.change("resource_provider", uuid)
    return try recount(tx, uuid: uuid)
  }

  /// Counts the provider's room from its inventory and allocations. Returns it; nil where there is none.
  @discardableResult
  static func recount(_ tx: Transaction, uuid: String) throws -> ResourceProvider? {
    guard let provider = try find(tx, uuid) else { return nil }
    let room = ResourceClass.allCases.map { provider.inventories[$0]?.room ?? 0 }
    try tx.execute(
      """
      INSERT INTO provider_room (provider, vcpus, memory_mib, disk_gib, consumers)
      VALUES (\(uuid), \(list: room), \(provider.consumerCount))
      ON CONFLICT (provider) DO UPDATE SET vcpus = excluded.vcpus, memory_mib = excluded.memory_mib,
        disk_gib = excluded.disk_gib, consumers = excluded.consumers
      """)
    return provider
  }

  /// The enabled provider heard of since `moment` that has room for the amounts: the one with the most free memory, of
  /// those the one with the fewest consumers. nil where none has.
  static func roomiest(_ tx: Transaction, _ amounts: Amounts, seenSince moment: Timestamp) throws -> String? {
    // The joins are crossed for SQLite, which then goes along the index of the order and stops at the first that fits.
    try tx.first(
      """
      SELECT f.provider FROM provider_room f CROSS JOIN resource_provider p CROSS JOIN resource_provider_seen s
      WHERE p.uuid = f.provider AND s.provider = f.provider AND f.memory_mib >= \(amounts[.memory] ?? 0)
        AND f.vcpus >= \(amounts[.vcpu] ?? 0) AND f.disk_gib >= \(amounts[.disk] ?? 0) AND p.enabled = 1
        AND s.at >= \(moment)
      ORDER BY f.memory_mib DESC, f.consumers, f.provider LIMIT 1
      """
    ) { $0.text(0) }
  }

  /// false where it was so already, or there is no such provider.
  static func setEnabled(_ tx: Transaction, uuid: String, _ enabled: Bool) throws -> Bool {
    try tx.execute(
      "UPDATE resource_provider SET enabled = \(enabled) WHERE uuid = \(uuid) AND enabled <> \(enabled)") == 1
  }

  static func setInventory(_ tx: Transaction, uuid: String, _ resource: ResourceClass, _ inventory: Inventory) throws {
    try tx.execute(
      """
      INSERT INTO inventory (provider, class, total, reserved, allocation_ratio)
      VALUES (\(uuid), \(resource.rawValue), \(inventory.total), \(inventory.reserved), \(inventory.allocationRatio))
      ON CONFLICT (provider, class) DO UPDATE SET total = excluded.total, reserved = excluded.reserved,
        allocation_ratio = excluded.allocation_ratio
      """)
  }

  /// How old the note may grow before a node that is heard of is noted again, in seconds.
  private static let freshnessSeconds = 5.0

  /// Notes that the node was heard of; nothing where it is not known yet.
  static func seen(_ tx: Transaction, uuid: String, at now: Timestamp) throws {
    // A moment still to come is of before the host's clock was stepped back.
    let fresh = try tx.exists(
      """
      SELECT 1 FROM resource_provider_seen
      WHERE provider = \(uuid) AND at > \(now.adding(seconds: -freshnessSeconds)) AND at <= \(now)
      """)
    if fresh { return }
    try tx.execute(
      """
      INSERT INTO resource_provider_seen (provider, at)
      SELECT uuid, \(now) FROM resource_provider WHERE uuid = \(uuid)
      ON CONFLICT (provider) DO UPDATE SET at = excluded.at
      """)
  }

  /// The condition for `list` that keeps providers heard of since `moment`.
  static func seen(since moment: Timestamp) -> SQL {
    "EXISTS (SELECT 1 FROM resource_provider_seen s WHERE s.provider = p.uuid AND s.at >= \(moment))"
  }
}
