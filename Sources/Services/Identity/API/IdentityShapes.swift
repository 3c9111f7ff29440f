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
}

extension JSONShape {
  private static let id = text(1...64)
  private static let description = orNull(text(0...65536))
  private static let shortDescription = orNull(text(0...255))
  private static let immutable = object([Field("immutable", orNull(flag))])
  private static let tags = array(of: text(1...255), 0...80)

  /// `{"<name>": {…}}`, where Keystone keeps what it does not know. A change says something.
  private static func keystone(_ name: String, _ fields: [Field], changes: Bool = false) -> JSONShape {
    only(name, object(fields, others: .kept(.any, names: 0...255), count: (changes ? 1 : 0)...countMax))
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
      ], changes: changes)
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
        Field("options", userOptions), Field("federated", array(of: federated, 0...100)),
      ], changes: changes)
  }

  static let passwordChange = only(
    "user", object([.needed("original_password", secret), .needed("password", secret)], others: .ignored))

  static func group(changes: Bool) -> JSONShape {
    keystone(
      "group", [named(1...64, changes), Field("description", description), Field("domain_id", id)], changes: changes)
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
      ], changes: changes)
  }

  static func service(changes: Bool) -> JSONShape {
    keystone(
      "service",
      [
        Field("type", text(1...255), required: !changes), Field("name", text(1...255)), Field("enabled", flag),
        Field("description", description),
      ], changes: changes)
  }

  static func endpoint(changes: Bool) -> JSONShape {
    keystone(
      "endpoint",
      [
        Field("interface", choice(["public", "internal", "admin"]), required: !changes),
        Field("service_id", id, required: !changes), Field("url", text(1...225), required: !changes),
        Field("region_id", orNull(text(1...255))), Field("region", orNull(text(1...255))), Field("enabled", flag),
        Field("name", text), Field("description", description),
      ], changes: changes)
  }
}
