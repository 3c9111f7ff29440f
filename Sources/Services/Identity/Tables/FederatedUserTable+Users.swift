import Store

/// The identities of one user, as the users API shows and sets them.
extension FederatedUserTable {
  /// In the order of providers and protocols.
  static func identities(_ tx: Transaction, user id: String) throws -> [UserFederation.Identity] {
    try tx.query(
      """
      SELECT idp_id, protocol_id, unique_id FROM identity_federated_user WHERE user_id = \(id)
      ORDER BY idp_id, protocol_id, unique_id
      """
    ) { UserFederation.Identity(idpID: $0.text(0), protocolID: $0.text(1), uniqueID: $0.text(2)) }
  }

  static func deleteIdentities(_ tx: Transaction, user id: String) throws {
    try tx.execute("DELETE FROM identity_federated_user WHERE user_id = \(id)")
  }

  static func hasProtocol(_ tx: Transaction, _ identity: UserFederation.Identity) throws -> Bool {
    try tx.exists(
      "SELECT 1 FROM identity_protocol WHERE idp_id = \(identity.idpID) AND id = \(identity.protocolID)")
  }
}
