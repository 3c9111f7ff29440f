import API
import Auth

extension JSONShape {
  private static let id = text(1...64)
  /// Longest blob of a credential, in characters.
  static let blobMax = 16_384
  private static let blob = text(0...blobMax)
  private static func kept(_ name: String, _ fields: [Field]) -> JSONShape {
    only(name, object(fields, others: .kept(.any, names: 0...255)))
  }
  /// Roles as they are handed on, by id or by name.
  private static let givenRoles = array(
    of: object([Field("id", id), Field("name", text(1...255))], count: 1...1), 0...100)

  static let newCredential = kept(
    "credential",
    [
      .needed("blob", blob), .needed("type", text(1...255)), .needed("user_id", id),
      Field("project_id", orNull(id)), Field("id", text),
    ])
  /// Whose a credential is, and for what, never changes.
  static let credentialPatch = only(
    "credential",
    object([
      .needed("blob", blob), Field("type", text(1...255)), Field("user_id", id), Field("project_id", orNull(id)),
    ]))
  static let ec2Credential = object([.needed("tenant_id", id)], others: .ignored)

  /// A request that somebody signed with a key of EC2's or S3's, as a service tells of it.
  static let signedRequest: JSONShape = {
    let map = JSONShape.map(.any, names: 0...1024)
    let text = JSONShape.text(0...16_384)
    let signed = object(
      [
        Field("access", orNull(text)), Field("signature", orNull(text)), Field("token", orNull(text)),
        Field("host", orNull(text)), Field("verb", orNull(text)), Field("path", orNull(text)),
        Field("params", orNull(map)), Field("headers", orNull(map)), Field("body_hash", orNull(text)),
      ], others: .ignored)
    return object(
      ["credentials", "credential", "ec2Credentials"].map { Field($0, orNull(signed)) }, others: .ignored)
  }()

  static let trust = kept(
    "trust",
    [
      .needed("trustor_user_id", id), .needed("trustee_user_id", id), .needed("impersonation", flag),
      Field("project_id", orNull(id)), Field("roles", givenRoles), Field("expires_at", orNull(text)),
      Field("remaining_uses", orNull(integer(1...Int(Int32.max)))), Field("allow_redelegation", orNull(flag)),
      Field("redelegation_count", orNull(integer(0...1000))), Field("redelegated_trust_id", orNull(text)),
    ])

  static let applicationCredential = only(
    "application_credential",
    object([
      .needed("name", text(1...255)), Field("id", text), Field("description", orNull(text(0...65536))),
      Field("secret", orNull(text(1...PasswordHasher.passwordBytesMax))), Field("expires_at", orNull(text)),
      Field("project_id", id), Field("unrestricted", orNull(flag)), Field("system", orNull(text)),
      Field("roles", givenRoles),
      Field(
        "access_rules",
        array(
          of: object(
            [
              Field("id", id), Field("service", text(1...64)), Field("path", text(1...AccessRuleInput.pathMax)),
              Field("method", choice(AccessRuleInput.methods)),
            ], others: .ignored), 0...AccessRuleInput.countMax)),
    ]))

  static let consumer = kept("consumer", [Field("description", orNull(text(0...65536)))])
  static let authorization = object([.needed("roles", givenRoles)], others: .ignored)
}
