import API

extension JSONShape {
  private static let longText = orNull(text(0...65536))
  /// Keystone takes 64 characters; issuers of large providers are longer, and its own table has room for 255.
  private static let remoteID = text(0...255)
  private static let url = text(1...225)

  static func identityProvider(changes: Bool) -> JSONShape {
    var fields = [
      Field("enabled", flag), Field("description", longText), Field("authorization_ttl", orNull(integer(0...Int.max))),
      Field("remote_ids", orNull(array(of: remoteID, 0...IdentityProviderRoutes.remoteIDsMax))),
    ]
    if !changes { fields.append(Field("domain_id", orNull(text(1...64)))) }
    return object([
      Field("identity_provider", object(fields, count: (changes ? 1 : 0)...fields.count), required: changes)
    ])
  }

  static func federationProtocol(changes: Bool) -> JSONShape {
    only(
      "protocol",
      object([
        .needed("mapping_id", text(1...64)),
        Field("remote_id_attribute", changes ? text(0...64) : orNull(text(0...64))),
      ]))
  }

  /// The rules' own grammar is `MappingRules`.
  static let federationMapping = only(
    "mapping",
    object(
      [.needed("rules", array(of: .any, 1...MappingRules.rulesMax)), Field("schema_version", orNull(text(0...5)))],
      others: .ignored))

  static func serviceProvider(changes: Bool) -> JSONShape {
    let fields = [
      Field("auth_url", url, required: !changes), Field("sp_url", url, required: !changes),
      Field("description", longText), Field("enabled", flag), Field("relay_state_prefix", orNull(text(0...256))),
    ]
    return only("service_provider", object(fields, count: 1...fields.count))
  }
}
