import Kit
import Store

/// Mappings and service providers.
enum FederationTable {
  static func mapping(_ tx: Transaction, _ id: String) throws -> FederationMapping? {
    try mappings(tx, ["m.id = \(id)"], Chunk(count: 1)).first
  }

  static func mappings(_ tx: Transaction, _ conditions: [SQL], _ chunk: Chunk) throws -> [FederationMapping] {
    try tx.query(
      "SELECT m.id, m.rules, m.schema_version FROM identity_mapping m \(chunk.clause(conditions, id: "m.id"))"
    ) {
      FederationMapping(id: $0.text(0), rules: try JSONValue(parsing: $0.text(1)), schemaVersion: $0.text(2))
    }
  }

  static func insert(_ tx: Transaction, _ mapping: FederationMapping) throws {
    try tx.execute(
      """
      INSERT INTO identity_mapping (id, rules, schema_version)
      VALUES (\(mapping.id), \(mapping.rules.text), \(mapping.schemaVersion))
      """)
  }

  static func update(_ tx: Transaction, _ mapping: FederationMapping) throws {
    try tx.execute(
      """
      UPDATE identity_mapping SET rules = \(mapping.rules.text), schema_version = \(mapping.schemaVersion)
      WHERE id = \(mapping.id)
      """)
  }

  static func deleteMapping(_ tx: Transaction, _ id: String) throws {
    try tx.execute("DELETE FROM identity_mapping WHERE id = \(id)")
  }

  // MARK: Service providers

  static func serviceProvider(_ tx: Transaction, _ id: String) throws -> ServiceProvider? {
    try serviceProviders(tx, ["s.id = \(id)"], Chunk(count: 1)).first
  }

  static func serviceProviders(_ tx: Transaction, _ conditions: [SQL], _ chunk: Chunk) throws -> [ServiceProvider] {
    try tx.query(
      """
      SELECT s.id, s.enabled, s.description, s.auth_url, s.sp_url, s.relay_state_prefix
      FROM identity_service_provider s \(chunk.clause(conditions, id: "s.id"))
      """
    ) {
      ServiceProvider(
        id: $0.text(0), enabled: $0.bool(1), description: $0.textOrNil(2), authURL: $0.text(3), spURL: $0.text(4),
        relayStatePrefix: $0.text(5))
    }
  }

  static func insert(_ tx: Transaction, _ provider: ServiceProvider) throws {
    try tx.execute(
      """
      INSERT INTO identity_service_provider (id, enabled, description, auth_url, sp_url, relay_state_prefix)
      VALUES (\(provider.id), \(provider.enabled), \(provider.description), \(provider.authURL), \(provider.spURL),
        \(provider.relayStatePrefix))
      """)
  }

  static func update(_ tx: Transaction, _ provider: ServiceProvider) throws {
    try tx.execute(
      """
      UPDATE identity_service_provider SET enabled = \(provider.enabled), description = \(provider.description),
        auth_url = \(provider.authURL), sp_url = \(provider.spURL), relay_state_prefix = \(provider.relayStatePrefix)
      WHERE id = \(provider.id)
      """)
  }

  static func deleteServiceProvider(_ tx: Transaction, _ id: String) throws {
    try tx.execute("DELETE FROM identity_service_provider WHERE id = \(id)")
  }
}
