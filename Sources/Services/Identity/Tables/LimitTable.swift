import Kit
import Store

/// Registered limits, and the limits of projects and domains.
enum LimitTable {
  // MARK: Registered limits

  static func registered(_ tx: Transaction, _ conditions: [SQL], _ chunk: Chunk) throws -> [RegisteredLimit] {
    try tx.query(
      """
      SELECT r.id, r.service_id, r.region_id, r.resource_name, r.default_limit, r.description
      FROM identity_registered_limit r \(chunk.clause(conditions, id: "r.id"))
      """
    ) {
      RegisteredLimit(
        id: $0.text(0), serviceID: $0.text(1), regionID: $0.textOrNil(2), resourceName: $0.text(3),
        defaultLimit: $0.int(4), description: $0.textOrNil(5))
    }
  }

  static func registered(_ tx: Transaction, _ id: String) throws -> RegisteredLimit? {
    try registered(tx, ["r.id = \(id)"], Chunk(count: 1)).first
  }

  /// The one for a resource of a service in a region; without a region, the one that names none.
  static func registered(
    _ tx: Transaction, service: String, region: String?, resource: String
  ) throws -> RegisteredLimit? {
    try registered(
      tx,
      [
        "r.service_id = \(service)", "coalesce(r.region_id, '') = \(region ?? "")", "r.resource_name = \(resource)",
      ], Chunk(count: 1)
    ).first
  }

  static func insert(_ tx: Transaction, _ limit: RegisteredLimit) throws {
    try tx.execute(
      """
      INSERT INTO identity_registered_limit (id, service_id, region_id, resource_name, default_limit, description)
      VALUES (\(limit.id), \(limit.serviceID), \(limit.regionID), \(limit.resourceName), \(limit.defaultLimit),
        \(limit.description))
      """)
  }

  static func update(_ tx: Transaction, _ limit: RegisteredLimit) throws {
    try tx.execute(
      """
      UPDATE identity_registered_limit SET service_id = \(limit.serviceID), region_id = \(limit.regionID),
        resource_name = \(limit.resourceName), default_limit = \(limit.defaultLimit),
        description = \(limit.description) WHERE id = \(limit.id)
      """)
  }

  /// Whether some project or domain has a limit of its own instead.
  static func isUsed(_ tx: Transaction, registered id: String) throws -> Bool {
    try tx.exists("SELECT 1 FROM identity_limit WHERE registered_limit_id = \(id) LIMIT 1")
  }

  static func deleteRegistered(_ tx: Transaction, _ id: String) throws {
    try tx.execute("DELETE FROM identity_registered_limit WHERE id = \(id)")
  }

  // MARK: Limits

  static func limits(_ tx: Transaction, _ conditions: [SQL], _ chunk: Chunk) throws -> [Limit] {
    try tx.query(
      """
      SELECT l.id, l.registered_limit_id, l.project_id, p.is_domain, coalesce(p.domain_id, p.id), r.service_id,
        r.region_id, r.resource_name, l.resource_limit, l.description
      FROM identity_limit l JOIN identity_registered_limit r ON r.id = l.registered_limit_id
      JOIN identity_project p ON p.id = l.project_id \(chunk.clause(conditions, id: "l.id"))
      """
    ) {
      Limit(
        id: $0.text(0), registeredLimitID: $0.text(1), ownerID: $0.text(2), ownerIsDomain: $0.bool(3),
        domainID: $0.text(4), serviceID: $0.text(5), regionID: $0.textOrNil(6), resourceName: $0.text(7),
        resourceLimit: $0.int(8), description: $0.textOrNil(9))
    }
  }

  static func limit(_ tx: Transaction, _ id: String) throws -> Limit? {
    try limits(tx, ["l.id = \(id)"], Chunk(count: 1)).first
  }

  /// The value that a project or domain has of its own; nil where it has none.
  static func value(_ tx: Transaction, registered: String, owner: String) throws -> Int? {
    try tx.first(
      """
      SELECT resource_limit FROM identity_limit WHERE registered_limit_id = \(registered) AND project_id = \(owner)
      """
    ) { $0.int(0) }
  }

  /// The largest value that a project of the domain has of its own, one without limit before all others; nil where none
  /// has any. `except` is not looked at.
  static func largest(
    _ tx: Transaction, registered: String, inDomain domain: String, except: Set<String>
  ) throws -> Int? {
    try tx.first(
      """
      SELECT l.resource_limit FROM identity_limit l JOIN identity_project p ON p.id = l.project_id
      WHERE l.registered_limit_id = \(registered) AND p.domain_id = \(domain) AND p.is_domain = 0
        \(except.isEmpty ? "" : "AND l.project_id NOT IN (\(list: except.sorted()))")
      ORDER BY CASE WHEN l.resource_limit < 0 THEN 0 ELSE 1 END, l.resource_limit DESC LIMIT 1
      """
    ) { $0.int(0) }
  }

  static func insert(_ tx: Transaction, _ limit: Limit) throws {
    try tx.execute(
      """
      INSERT INTO identity_limit (id, registered_limit_id, project_id, resource_limit, description)
      VALUES (\(limit.id), \(limit.registeredLimitID), \(limit.ownerID), \(limit.resourceLimit), \(limit.description))
      """)
  }

  static func update(_ tx: Transaction, _ limit: Limit) throws {
    try tx.execute(
      """
      UPDATE identity_limit SET resource_limit = \(limit.resourceLimit), description = \(limit.description)
      WHERE id = \(limit.id)
      """)
  }

  static func delete(_ tx: Transaction, _ id: String) throws {
    try tx.execute("DELETE FROM identity_limit WHERE id = \(id)")
  }
}
