import API
import Auth

extension QueryShape {
  /// A Keystone list: pages, these filters, and others ignored, as its older lists do. `sort_key` and `sort_dir` are
  /// taken and do nothing, as in Keystone.
  static func list(_ filters: [Parameter], others: Others = .ignored) -> QueryShape {
    QueryShape(
      filters + [Parameter("limit", .natural), "marker", "sort_key", Parameter("sort_dir", .choice(["asc", "desc"]))],
      others: others)
  }

  /// A list of projects.
  static func projects(others: Others) -> QueryShape {
    list(
      [
        Parameter("enabled", .boolean), Parameter("is_domain", .boolean), "tags", "tags-any", "not-tags",
        "not-tags-any",
      ] + ProjectRoutes.filters.parameters, others: others)
  }

  static let users = list(
    UserRoutes.filters.parameters + [
      Parameter("enabled", .boolean), "idp_id", "protocol_id", "unique_id",
      Parameter("password_expires_at", .comparison(["lt", "lte", "gt", "gte", "eq", "neq"], .time)),
    ])

  static let token = QueryShape(["nocatalog", "allow_expired"], others: .ignored)
}

extension JSONShape {
  private static let id = text(1...64)
  private static let description = orNull(text(0...65536))
  private static let shortDescription = orNull(text(0...255))
  private static let immutable = object([Field("immutable", orNull(flag))])
  private static let tags = array(of: text(1...255), 0...80)
  /// Longest secret read, in characters; what is longer than a password may be is wrong by itself.
  private static let secret = text(0...65536)

  /// `{"<name>": {…}}`, where Keystone keeps what it does not know.
  private static func keystone(_ name: String, _ fields: [Field]) -> JSONShape {
    only(name, object(fields, others: .kept(.any, names: 0...255)))
  }

  private static func named(_ length: ClosedRange<Int>, _ changes: Bool) -> Field {
    Field("name", text(length), required: !changes)
  }

  static func domain(changes: Bool) -> JSONShape {
    keystone(
      "domain",
      [
        named(1...64, changes), Field("description", shortDescription), Field("enabled", flag),
        Field("options", immutable), Field("tags", tags), Field("explicit_domain_id", id),
      ])
  }

  static func project(changes: Bool) -> JSONShape {
    keystone(
      "project",
      [
        named(1...64, changes), Field("description", description), Field("enabled", flag), Field("is_domain", flag),
        Field("domain_id", orNull(id)), Field("parent_id", orNull(id)), Field("options", immutable),
        Field("tags", tags),
      ])
  }

  static let projectTags = object([.needed("tags", tags)])

  static func user(changes: Bool) -> JSONShape {
    keystone(
      "user",
      [
        named(1...255, changes), Field("domain_id", changes ? orNull(id) : id), Field("enabled", flag),
        Field("default_project_id", orNull(id)), Field("password", orNull(secret)),
        Field("original_password", orNull(secret)), Field("description", description),
        Field(
          "options",
          object(
            [
              "ignore_change_password_upon_first_use", "ignore_password_expiry", "ignore_lockout_failure_attempts",
              "lock_password", "ignore_user_inactivity",
            ].map { Field($0, orNull(flag)) })),
      ])
  }

  static let passwordChange = only(
    "user", object([.needed("original_password", secret), .needed("password", secret)], others: .ignored))

  static func group(changes: Bool) -> JSONShape {
    keystone(
      "group", [named(1...64, changes), Field("description", description), Field("domain_id", id)])
  }

  static func role(changes: Bool) -> JSONShape {
    keystone(
      "role",
      [
        named(1...255, changes), Field("description", description), Field("domain_id", orNull(id)),
        Field("options", immutable),
      ])
  }

  static func region(changes: Bool) -> JSONShape {
    keystone(
      "region",
      [
        Field("id", orNull(text(0...255))), Field("description", shortDescription),
        Field("parent_region_id", orNull(text(1...255))),
      ])
  }

  static func service(changes: Bool) -> JSONShape {
    keystone(
      "service",
      [
        Field("type", text(1...255), required: !changes), Field("name", orNull(text)), Field("enabled", flag),
        Field("description", description),
      ])
  }

  static func endpoint(changes: Bool) -> JSONShape {
    keystone(
      "endpoint",
      [
        Field("interface", choice(["public", "internal", "admin"]), required: !changes),
        Field("service_id", id, required: !changes), Field("url", text(1...225), required: !changes),
        Field("region_id", orNull(text(1...255))), Field("region", orNull(text(1...255))), Field("enabled", flag),
        Field("name", text), Field("description", description),
      ])
  }

  static let applicationCredential = only(
    "application_credential",
    object([
      .needed("name", text(1...255)), Field("id", text), Field("description", description),
      Field("secret", orNull(text(1...PasswordHasher.passwordBytesMax))), Field("expires_at", orNull(text)),
      Field("project_id", id), Field("unrestricted", orNull(flag)), Field("system", orNull(text)),
      Field("roles", array(of: object([Field("id", id), Field("name", text(1...255))], count: 1...1), 0...100)),
      Field("access_rules", array(of: object([], others: .ignored))),
    ]))

  /// What a login says. What a method does not need is not looked at, as in Keystone.
  static let login: JSONShape = {
    func open(_ fields: [Field]) -> JSONShape { object(fields, others: .ignored) }
    let domain = open([Field("id", orNull(id)), Field("name", orNull(text(1...255)))])
    let reference = [Field("id", orNull(id)), Field("name", orNull(text(1...255))), Field("domain", domain)]
    let identity = open([
      .needed("methods", array(of: text, 1...10)),
      Field("password", open([.needed("user", open(reference + [.needed("password", secret)]))])),
      Field("token", open([.needed("id", text(1...4096))])),
      Field(
        "application_credential",
        open([
          .needed("secret", secret), Field("id", orNull(id)), Field("name", orNull(text(1...255))),
          Field("user", open(reference)),
        ])),
    ])
    return open([.needed("auth", open([.needed("identity", identity), Field("scope", .any)]))])
  }()
}
