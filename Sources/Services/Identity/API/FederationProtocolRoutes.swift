import API
import Auth
import Kit
import Store

/// Protocols of identity providers: which mapping makes users of theirs users of ours.
struct FederationProtocolRoutes: Sendable {
  let core: IdentityCore

  var routes: [Route] {
    let all = IdentityProviderRoutes.path + "/{idp_id}/protocols"
    let one = all + "/{protocol_id}"
    return [
      Route(.get, all, .identity("list_protocols", IdentityPolicy.adminOrSystemReader), query: .list([])) {
        try await list($0)
      },
      Route(
        .put, one, .identity("create_protocol", IdentityPolicy.admin), query: .unread,
        body: .needed(.federationProtocol(changes: false))
      ) { try await create($0) },
      Route(.get, one, .identity("get_protocol", IdentityPolicy.adminOrSystemReader), query: .unread) {
        try await show($0)
      },
      Route(
        .patch, one, .identity("update_protocol", IdentityPolicy.admin), query: .unread,
        body: .needed(.federationProtocol(changes: true))
      ) { try await update($0) },
      Route(.delete, one, .identity("delete_protocol", IdentityPolicy.admin), query: .unread) { try await delete($0) },
    ]
  }

  private func list(_ call: Call) async throws -> Reply {
    let idp = try call.parameter("idp_id")
    return try await call.list(
      "protocols", from: core.store, read: { try IdentityProviderTable.protocols($0, idp: idp, [], $1) }, id: \.id
    ) { $0.federationProtocol($1, call, inList: true) }
  }

  private func create(_ call: Call) async throws -> Reply {
    let idp = try call.parameter("idp_id")
    let fields = try call.object("protocol")
    let made = FederationProtocol(
      id: try call.newID("protocol_id"), idpID: idp, mappingID: try fields.string("mapping_id", 1...64),
      remoteIDAttribute: try fields.optionalString("remote_id_attribute", 0...64))
    try fields.finish()
    try await core.write("federation_protocol") { tx in
      try Self.checkMapping(tx, made.mappingID)
      guard try IdentityProviderTable.find(tx, idp) != nil else { throw Fault.noSuch("identity provider", idp) }
      try IdentityProviderTable.insert(tx, made)
    }
    return Reply.one(201, "protocol") { $0.federationProtocol(made, call, inList: false) }
  }

  private static func checkMapping(_ tx: Transaction, _ id: String) throws {
    guard try FederationTable.mapping(tx, id) != nil else {
      throw Fault.badRequest("Invalid mapping id: \(id.quoted).")
    }
  }

  private static func noSuch(_ idp: String, _ id: String) -> Fault {
    .notFound("Could not find federated protocol \(id.quoted) of the identity provider \(idp.quoted).")
  }

  private func show(_ call: Call) async throws -> Reply {
    let (idp, id) = (try call.parameter("idp_id"), try call.parameter("protocol_id"))
    let found = try await core.store.read { tx in try IdentityProviderTable.find(tx, idp: idp, protocol: id) }
    guard let found else { throw Self.noSuch(idp, id) }
    return Reply.one(200, "protocol") { $0.federationProtocol(found, call, inList: false) }
  }

  private func update(_ call: Call) async throws -> Reply {
    let (idp, id) = (try call.parameter("idp_id"), try call.parameter("protocol_id"))
    let fields = try call.object("protocol")
    let mapping = try fields.string("mapping_id", 1...64)
    let attribute = try fields.patchString("remote_id_attribute", 0...64)
    try fields.finish()
    let changed = try await core.write("federation_protocol") { tx in
      try Self.checkMapping(tx, mapping)
      guard var found = try IdentityProviderTable.find(tx, idp: idp, protocol: id) else { throw Self.noSuch(idp, id) }
      found.mappingID = mapping
      found.remoteIDAttribute = attribute.applied(to: found.remoteIDAttribute)
      try IdentityProviderTable.update(tx, found)
      return found
    }
    return Reply.one(200, "protocol") { $0.federationProtocol(changed, call, inList: false) }
  }

  /// Users who came by it alone go with it, as in Keystone.
  private func delete(_ call: Call) async throws -> Reply {
    let (idp, id) = (try call.parameter("idp_id"), try call.parameter("protocol_id"))
    try await core.store.write { tx in
      guard try IdentityProviderTable.find(tx, idp: idp, protocol: id) != nil else { throw Self.noSuch(idp, id) }
      try FederatedUserTable.deleteUsers(tx, idp: idp, protocol: id)
      try IdentityProviderTable.delete(tx, idp: idp, protocol: id)
    }
    return .done
  }
}

extension JSONWriter {
  /// Keystone shows the provider's id in lists only.
  mutating func federationProtocol(_ found: FederationProtocol, _ call: Call, inList: Bool) {
    let provider = call.link("/OS-FEDERATION/identity_providers/\(found.idpID)")
    object {
      $0.field("id", found.id)
      $0.field("mapping_id", found.mappingID)
      if inList {
        $0.field("idp_id", found.idpID)
        $0.field("remote_id_attribute", found.remoteIDAttribute)
      } else if let attribute = found.remoteIDAttribute {
        $0.field("remote_id_attribute", attribute)
      }
      $0.field("links") {
        $0.field("self", provider + "/protocols/\(found.id)")
        $0.field("identity_provider", provider)
      }
    }
  }
}
