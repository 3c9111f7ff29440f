import Kit
import Store

/// Regions, services and endpoints.
enum CatalogTable {
  // MARK: Regions

  static func regions(_ tx: Transaction, _ conditions: [SQL], _ chunk: Chunk) throws -> [Region] {
    try tx.query(
      """
      SELECT r.id, r.parent_region_id, r.description, r.extra FROM identity_region r
      \(chunk.clause(conditions, id: "r.id"))
      """
    ) {
      Region(id: $0.text(0), parentRegionID: $0.textOrNil(1), description: $0.text(2), extra: try $0.document(3))
    }
  }

  static func region(_ tx: Transaction, _ id: String) throws -> Region? {
    try regions(tx, ["r.id = \(id)"], Chunk(count: 1)).first
  }

  static func insert(_ tx: Transaction, _ region: Region) throws {
    try tx.execute(
      """
      INSERT INTO identity_region (id, parent_region_id, description, extra)
      VALUES (\(region.id), \(region.parentRegionID), \(region.description), \(region.extra.document))
      """)
  }

  static func update(_ tx: Transaction, _ region: Region) throws {
    try tx.execute(
      """
      UPDATE identity_region SET parent_region_id = \(region.parentRegionID), description = \(region.description),
        extra = \(region.extra.document) WHERE id = \(region.id)
      """)
  }

  /// Whether an endpoint is in the region, or in one below it.
  static func hasEndpoints(_ tx: Transaction, region id: String) throws -> Bool {
    try tx.exists("SELECT 1 FROM identity_endpoint WHERE region_id IN (\(regions(from: id))) LIMIT 1")
  }

  /// Whether a region is `root`, or stands somewhere below it.
  static func isBelow(_ tx: Transaction, region id: String, root: String) throws -> Bool {
    try tx.exists("SELECT 1 FROM identity_region WHERE id = \(id) AND id IN (\(regions(from: root)))")
  }

  /// Deletes a region with those below it.
  static func deleteRegion(_ tx: Transaction, _ id: String) throws {
    try tx.execute("DELETE FROM identity_region WHERE id IN (\(regions(from: id)))")
  }

  /// A region's id and those of all below it, as a statement.
  private static func regions(from id: String) -> SQL {
    """
    WITH RECURSIVE below (id) AS (
      SELECT id FROM identity_region WHERE id = \(id)
      UNION SELECT q.id FROM identity_region q JOIN below b ON q.parent_region_id = b.id)
    SELECT id FROM below
    """
  }

  // MARK: Services

  static func services(_ tx: Transaction, _ conditions: [SQL], _ chunk: Chunk) throws -> [ServiceRecord] {
    try tx.query(
      """
      SELECT s.id, s.type, s.name, s.description, s.enabled, s.extra FROM identity_service s
      \(chunk.clause(conditions, id: "s.id"))
      """
    ) {
      ServiceRecord(
        id: $0.text(0), type: $0.text(1), name: $0.text(2), description: $0.text(3), enabled: $0.bool(4),
        extra: try $0.document(5))
    }
  }

  static func service(_ tx: Transaction, _ id: String) throws -> ServiceRecord? {
    try services(tx, ["s.id = \(id)"], Chunk(count: 1)).first
  }

  static func insert(_ tx: Transaction, _ service: ServiceRecord) throws {
    try tx.execute(
      """
      INSERT INTO identity_service (id, type, name, description, enabled, extra)
      VALUES (\(service.id), \(service.type), \(service.name), \(service.description), \(service.enabled),
        \(service.extra.document))
      """)
  }

  static func update(_ tx: Transaction, _ service: ServiceRecord) throws {
    try tx.execute(
      """
      UPDATE identity_service SET type = \(service.type), name = \(service.name),
        description = \(service.description), enabled = \(service.enabled), extra = \(service.extra.document)
      WHERE id = \(service.id)
      """)
  }

  static func deleteService(_ tx: Transaction, _ id: String) throws {
    try tx.execute("DELETE FROM identity_service WHERE id = \(id)")
  }

  // MARK: Endpoints

  private static let endpointColumns = "e.id, e.service_id, e.region_id, e.interface, e.url, e.enabled, e.extra"

  private static func endpoint(_ row: any Row) throws -> Endpoint {
    Endpoint(
      id: row.text(0), serviceID: row.text(1), regionID: row.textOrNil(2), interface: row.text(3), url: row.text(4),
      enabled: row.bool(5), extra: try row.document(6))
  }

  static func endpoints(_ tx: Transaction, _ conditions: [SQL], _ chunk: Chunk) throws -> [Endpoint] {
    try tx.query(
      "SELECT \(raw: endpointColumns) FROM identity_endpoint e \(chunk.clause(conditions, id: "e.id"))", endpoint)
  }

  static func endpoint(_ tx: Transaction, _ id: String) throws -> Endpoint? {
    try endpoints(tx, ["e.id = \(id)"], Chunk(count: 1)).first
  }

  static func insert(_ tx: Transaction, _ endpoint: Endpoint) throws {
    try tx.execute(
      """
      INSERT INTO identity_endpoint (id, service_id, region_id, interface, url, enabled, extra)
      VALUES (\(endpoint.id), \(endpoint.serviceID), \(endpoint.regionID), \(endpoint.interface), \(endpoint.url),
        \(endpoint.enabled), \(endpoint.extra.document))
      """)
  }

  static func update(_ tx: Transaction, _ endpoint: Endpoint) throws {
    try tx.execute(
      """
      UPDATE identity_endpoint SET service_id = \(endpoint.serviceID), region_id = \(endpoint.regionID),
        interface = \(endpoint.interface), url = \(endpoint.url), enabled = \(endpoint.enabled),
        extra = \(endpoint.extra.document) WHERE id = \(endpoint.id)
      """)
  }

  static func deleteEndpoint(_ tx: Transaction, _ id: String) throws {
    try tx.execute("DELETE FROM identity_endpoint WHERE id = \(id)")
  }

  // MARK: The catalogue of a token

  /// All services with all their endpoints.
  static func catalog(_ tx: Transaction) throws -> [CatalogEntry] {
    var entries: [CatalogEntry] = []
    try tx.forEach(
      """
      SELECT s.id, s.type, s.name, s.enabled, e.id, e.region_id, e.interface, e.url, e.enabled, e.extra
      FROM identity_service s LEFT JOIN identity_endpoint e ON e.service_id = s.id
      ORDER BY s.type, s.id, e.interface, e.id
      """
    ) {
      let service = $0.text(0)
      if entries.last?.id != service {
        entries.append(
          CatalogEntry(id: service, type: $0.text(1), name: $0.text(2), enabled: $0.bool(3), endpoints: []))
      }
      guard let id = $0.textOrNil(4) else { return }
      entries[entries.count - 1].endpoints.append(
        Endpoint(
          id: id, serviceID: service, regionID: $0.textOrNil(5), interface: $0.text(6), url: $0.text(7),
          enabled: $0.bool(8), extra: try $0.document(9)))
    }
    return entries
  }
}
