import API
import Kit
import Store

/// Who a user is at identity providers: the member `federated` of a user.
struct UserFederation: Sendable, Equatable {
  struct Identity: Sendable, Equatable {
    var idpID: String
    var protocolID: String
    var uniqueID: String
  }

  var identities: [Identity]

  init(identities: [Identity]) { self.identities = identities }

  /// nil where the request does not say it; nothing said in it counts as nothing said, as in Keystone.
  /// Throws `Fault` 400.
  init?(_ fields: JSONFields) throws {
    guard let providers = try fields.optionalObjects("federated"), !providers.isEmpty else { return nil }
    identities = try providers.flatMap { provider in
      let idp = try provider.string("idp_id", 1...64)
      let protocols = try provider.optionalObjects("protocols") ?? []
      guard !protocols.isEmpty else { throw provider.invalid("protocols", "at least one is needed") }
      try provider.finish()
      return try protocols.map { one in
        let identity = Identity(
          idpID: idp, protocolID: try one.string("protocol_id", 1...64), uniqueID: try one.string("unique_id", 1...255))
        try one.finish()
        return identity
      }
    }
  }

  /// Makes these the identities of a user, instead of those it had.
  /// Throws `Fault` 400 for a provider or protocol that is not there.
  func store(_ tx: Transaction, _ user: User) throws {
    for identity in identities {
      guard try FederatedUserTable.hasProtocol(tx, identity) else {
        throw Fault.badRequest(
          "Could not find protocol \(identity.protocolID.quoted) of identity provider \(identity.idpID.quoted).")
      }
    }
    try FederatedUserTable.deleteIdentities(tx, user: user.id)
    for identity in identities {
      try FederatedUserTable.insert(
        tx, user: user.id, idp: identity.idpID, protocol: identity.protocolID, uniqueID: identity.uniqueID,
        displayName: user.name)
    }
  }

  /// `[{"idp_id": …, "protocols": [{"protocol_id": …, "unique_id": …}]}]`.
  var json: JSONValue {
    let byProvider = Dictionary(grouping: identities, by: \.idpID).sorted { $0.key < $1.key }
    return .array(
      byProvider.map { idp, identities in
        let protocols = identities.map { identity in
          JSONValue.object(["protocol_id": .string(identity.protocolID), "unique_id": .string(identity.uniqueID)])
        }
        return .object(["idp_id": .string(idp), "protocols": .array(protocols)])
      })
  }
}
