import Auth
import Kit
import Store

/// Flavors, their extra specs, and who may use the private ones.
enum FlavorTable {
  private static let columns = """
    id, number, name, vcpus, memory_mib, disk_gib, ephemeral_gib, swap_mib, rxtx_factor, is_public, description,
    created_at
    """

  private static func decode(_ row: any Row) -> Flavor {
    Flavor(
      id: row.text(0), number: row.int(1), name: row.text(2), vcpus: row.int(3), memoryMiB: row.int(4),
      diskGiB: row.int(5), ephemeralGiB: row.int(6), swapMiB: row.int(7), rxtxFactor: row.double(8),
      isPublic: row.bool(9), description: row.textOrNil(10), createdAt: row.time(11))
  }

  /// What the caller may see: public ones, and private ones given to its project. Administrators see all.
  static func visible(to principal: Principal) -> SQL? {
    if principal.isAdmin { return nil }
    return """
      (is_public = 1 OR id IN (SELECT flavor_id FROM flavor_access WHERE project_id = \(principal.projectID ?? "")))
      """
  }

  static func find(_ tx: Transaction, id: String, for principal: Principal) throws -> Flavor? {
    var conditions: [SQL] = ["id = \(id)"]
    if let visible = visible(to: principal) { conditions.append(visible) }
    guard
      var flavor = try tx.first("SELECT \(raw: columns) FROM flavor \(SQL.whereAll(conditions))", decode)
    else { return nil }
    flavor.extraSpecs = try extraSpecs(tx, flavor: id)
    return flavor
  }

  /// A page of flavors with their extra specs.
  static func list(_ tx: Transaction, where conditions: [SQL], order: SQL, limit: Int) throws -> [Flavor] {
    var flavors = try tx.query(
      "SELECT \(raw: columns) FROM flavor \(SQL.whereAll(conditions)) ORDER BY \(order) LIMIT \(limit)", decode)
    var specs: [String: [String: String]] = [:]
    try tx.forEach(
      "SELECT flavor_id, name, value FROM flavor_extra_spec WHERE flavor_id IN (\(list: flavors.map(\.id)))"
    ) { specs[$0.text(0), default: [:]][$0.text(1)] = $0.text(2) }
    for index in flavors.indices { flavors[index].extraSpecs = specs[flavors[index].id] ?? [:] }
    return flavors
  }

  /// False where the id or the name is taken.
  static func insert(_ tx: Transaction, _ flavor: Flavor) throws -> Bool {
    if try tx.exists("SELECT 1 FROM flavor WHERE id = \(flavor.id) OR name = \(flavor.name)") { return false }
    let number = try tx.count("SELECT COALESCE(max(number), 0) FROM flavor") + 1
    try tx.execute(
      """
      INSERT INTO flavor (id, number, name, vcpus, memory_mib, disk_gib, ephemeral_gib, swap_mib, rxtx_factor,
        is_public, description, created_at)
      VALUES (\(flavor.id), \(number), \(flavor.name), \(flavor.vcpus), \(flavor.memoryMiB), \(flavor.diskGiB),
        \(flavor.ephemeralGiB), \(flavor.swapMiB), \(flavor.rxtxFactor), \(flavor.isPublic), \(flavor.description),
        \(flavor.createdAt))
      """)
    return true
  }

  static func setDescription(_ tx: Transaction, id: String, _ description: String?) throws {
    try tx.execute("UPDATE flavor SET description = \(description) WHERE id = \(id)")
  }

  static func delete(_ tx: Transaction, id: String) throws -> Bool {
    try tx.execute("DELETE FROM flavor WHERE id = \(id)") > 0
  }

  // MARK: Extra specs

  static func extraSpecs(_ tx: Transaction, flavor id: String) throws -> [String: String] {
    Dictionary(
      try tx.query("SELECT name, value FROM flavor_extra_spec WHERE flavor_id = \(id)") { ($0.text(0), $0.text(1)) },
      uniquingKeysWith: { $1 })
  }

  static func setExtraSpecs(_ tx: Transaction, flavor id: String, _ specs: [String: String]) throws {
    for (name, value) in specs {
      try tx.execute(
        """
        INSERT INTO flavor_extra_spec (flavor_id, name, value) VALUES (\(id), \(name), \(value))
        ON CONFLICT (flavor_id, name) DO UPDATE SET value = excluded.value
        """)
    }
  }

  static func deleteExtraSpec(_ tx: Transaction, flavor id: String, name: String) throws -> Bool {
    try tx.execute("DELETE FROM flavor_extra_spec WHERE flavor_id = \(id) AND name = \(name)") > 0
  }

  // MARK: Access

  static func projects(_ tx: Transaction, flavor id: String) throws -> [String] {
    try tx.query("SELECT project_id FROM flavor_access WHERE flavor_id = \(id) ORDER BY project_id") { $0.text(0) }
  }

  /// False where the project has access already.
  static func addAccess(_ tx: Transaction, flavor id: String, project: String) throws -> Bool {
    try tx.execute(
      "INSERT INTO flavor_access (flavor_id, project_id) VALUES (\(id), \(project)) ON CONFLICT DO NOTHING") > 0
  }

  static func removeAccess(_ tx: Transaction, flavor id: String, project: String) throws -> Bool {
    try tx.execute("DELETE FROM flavor_access WHERE flavor_id = \(id) AND project_id = \(project)") > 0
  }
}
