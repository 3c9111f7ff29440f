import Kit
import Store

/// Identity providers with their remote ids, and their protocols.
enum IdentityProviderTable {
  static func find(_ tx: Transaction, _ id: String) throws -> IdentityProvider? {
    try list(tx, ["p.id = \(id)"], Chunk(count: 1)).first
  }

  static func list(_ tx: Transaction, _ conditions: [SQL], _ chunk: Chunk) throws -> [IdentityProvider] {
    var found = try tx.query(
      """
      SELECT p.id, p.domain_id, p.enabled, p.description, p.authorization_ttl FROM identity_provider p
      \(chunk.clause(conditions, id: "p.id"))
      """
    ) {
      IdentityProvider(
        id: $0.text(0), domainID: $0.text(1), enabled: $0.bool(2), description: $0.textOrNil(3),
        authorizationTTL: $0.intOrNil(4), remoteIDs: [])
    }
    if found.isEmpty { return [] }
    var remoteIDs: [String: [String]] = [:]
    try tx.forEach(
      """
      SELECT idp_id, remote_id FROM identity_provider_remote_id WHERE idp_id IN (\(list: found.map(\.id)))
      ORDER BY remote_id
      """
    ) { remoteIDs[$0.text(0), default: []].append($0.text(1)) }
    for index in found.indices { found[index].remoteIDs = remoteIDs[found[index].id] ?? [] }
    return found
  }

  static func insert(_ tx: Transaction, _ provider: IdentityProvider) throws {
    try tx.execute(
      """
      INSERT INTO identity_provider (id, domain_id, enabled, description, authorization_ttl)
      VALUES (\(provider.id), \(provider.domainID), \(provider.enabled), \(provider.description),
        \(provider.authorizationTTL))
      """)
    try insertRemoteIDs(tx, provider)
  }

  private static func insertRemoteIDs(_ tx: Transaction, _ provider: IdentityProvider) throws {
    for remoteID in provider.remoteIDs {
      try tx.execute(
        "INSERT INTO identity_provider_remote_id (remote_id, idp_id) VALUES (\(remoteID), \(provider.id))")
    }
  }

  static func update(_ tx: Transaction, _ provider: IdentityProvider) throws {
    try tx.execute(
      """
      UPDATE identity_provider SET enabled = \(provider.enabled), description = \(provider.description),
        authorization_ttl = \(provider.authorizationTTL) WHERE id = \(provider.id)
      """)
    try tx.execute("DELETE FROM identity_provider_remote_id WHERE idp_id = \(provider.id)")
    try insertRemoteIDs(tx, provider)
  }

  static func delete(_ tx: Transaction, _ id: String) throws {
    try tx.execute("DELETE FROM identity_provider WHERE id = \(id)")
  }

  // MARK: Protocols

  static func protocols(
    _ tx: Transaction, idp: String, _ conditions: [SQL], _ chunk: Chunk
  ) throws -> [FederationProtocol] {
    try tx.query(
      """
      SELECT t.id, t.idp_id, t.mapping_id, t.remote_id_attribute FROM identity_protocol t
      \(chunk.clause(["t.idp_id = \(idp)"] + conditions, id: "t.id"))
      """
    ) {
      FederationProtocol(
        id: $0.text(0), idpID: $0.text(1), mappingID: $0.text(2), remoteIDAttribute: $0.textOrNil(3))
    }
  }

  static func find(_ tx: Transaction, idp: String, protocol id: String) throws -> FederationProtocol? {
    try protocols(tx, idp: idp, ["t.id = \(id)"], Chunk(count: 1)).first
  }

  static func insert(_ tx: Transaction, _ made: FederationProtocol) throws {
    try tx.execute(
      """
      INSERT INTO identity_protocol (idp_id, id, mapping_id, remote_id_attribute)
      VALUES (\(made.idpID), \(made.id), \(made.mappingID), \(made.remoteIDAttribute))
      """)
  }

  static func update(_ tx: Transaction, _ changed: FederationProtocol) throws {
    try tx.execute(
      """
      UPDATE identity_protocol SET mapping_id = \(changed.mappingID),
        remote_id_attribute = \(changed.remoteIDAttribute)
      WHERE idp_id = \(changed.idpID) AND id = \(changed.id)
      """)
  }

  static func delete(_ tx: Transaction, idp: String, protocol id: String) throws {
    try tx.execute("DELETE FROM identity_protocol WHERE idp_id = \(idp) AND id = \(id)")
  }
}
