import Kit
import Store

/// Policies, and what they are for.
enum PolicyTable {
  static func policies(_ tx: Transaction, _ conditions: [SQL], _ chunk: Chunk) throws -> [Policy] {
    try tx.query(
      "SELECT o.id, o.type, o.rules, o.extra FROM identity_policy o \(chunk.clause(conditions, id: "o.id"))"
    ) { Policy(id: $0.text(0), type: $0.text(1), rules: $0.text(2), extra: try $0.document(3)) }
  }

  static func policy(_ tx: Transaction, _ id: String) throws -> Policy? {
    try policies(tx, ["o.id = \(id)"], Chunk(count: 1)).first
  }

  static func insert(_ tx: Transaction, _ policy: Policy) throws {
    try tx.execute(
      """
      INSERT INTO identity_policy (id, type, rules, extra)
      VALUES (\(policy.id), \(policy.type), \(policy.rules), \(policy.extra.document))
      """)
  }

  static func update(_ tx: Transaction, _ policy: Policy) throws {
    try tx.execute(
      """
      UPDATE identity_policy SET type = \(policy.type), rules = \(policy.rules), extra = \(policy.extra.document)
      WHERE id = \(policy.id)
      """)
  }

  static func delete(_ tx: Transaction, _ id: String) throws {
    try tx.execute("DELETE FROM identity_policy WHERE id = \(id)")
  }

  // MARK: Associations

  private static func `is`(_ subject: PolicySubject) -> SQL {
    """
    coalesce(endpoint_id, '') = \(subject.endpointID ?? "") AND coalesce(service_id, '') = \(subject.serviceID ?? "")
      AND coalesce(region_id, '') = \(subject.regionID ?? "")
    """
  }

  /// Makes a policy the one for its subject, whichever it was before.
  static func associate(_ tx: Transaction, _ policy: String, _ subject: PolicySubject) throws {
    try tx.execute("DELETE FROM identity_policy_association WHERE \(`is`(subject))")
    try tx.execute(
      """
      INSERT INTO identity_policy_association (policy_id, endpoint_id, service_id, region_id)
      VALUES (\(policy), \(subject.endpointID), \(subject.serviceID), \(subject.regionID))
      """)
  }

  static func dissociate(_ tx: Transaction, _ policy: String, _ subject: PolicySubject) throws {
    try tx.execute("DELETE FROM identity_policy_association WHERE policy_id = \(policy) AND \(`is`(subject))")
  }

  /// The id of the policy that is for exactly this; nil where there is none.
  static func associated(_ tx: Transaction, _ subject: PolicySubject) throws -> String? {
    try tx.first("SELECT policy_id FROM identity_policy_association WHERE \(`is`(subject))") { $0.text(0) }
  }

  /// The policy for an endpoint: its own, else the one for its service in its region or the nearest region above, else
  /// the one for its service.
  static func policy(_ tx: Transaction, for endpoint: Endpoint) throws -> Policy? {
    if let id = try associated(tx, .endpoint(endpoint.id)) { return try policy(tx, id) }
    var region = endpoint.regionID
    var seen: Set<String> = []
    while let here = region, seen.insert(here).inserted {
      if let id = try associated(tx, .serviceInRegion(service: endpoint.serviceID, region: here)) {
        return try policy(tx, id)
      }
      region = try CatalogTable.region(tx, here)?.parentRegionID
    }
    return try associated(tx, .service(endpoint.serviceID)).flatMap { try policy(tx, $0) }
  }

  /// Endpoints that a policy is for, by whichever association: a condition of `CatalogTable.endpoints`.
  static func endpoints(of policy: String) -> SQL {
    """
    e.id IN (
      WITH RECURSIVE covered (service_id, region_id) AS (
        SELECT a.service_id, a.region_id FROM identity_policy_association a
          WHERE a.policy_id = \(policy) AND a.region_id IS NOT NULL
        UNION SELECT c.service_id, r.id FROM covered c JOIN identity_region r ON r.parent_region_id = c.region_id)
      SELECT x.id FROM identity_endpoint x JOIN identity_policy_association a ON a.policy_id = \(policy)
        AND (a.endpoint_id = x.id OR a.service_id = x.service_id AND a.region_id IS NULL)
      UNION SELECT x.id FROM identity_endpoint x
        JOIN covered c ON c.service_id = x.service_id AND c.region_id = x.region_id)
    """
  }
}
