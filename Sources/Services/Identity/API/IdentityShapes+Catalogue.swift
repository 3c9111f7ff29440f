import API

extension JSONShape {
  private static let id = text(1...64)
  private static let resource = text(1...255)
  private static let region = orNull(text(1...255))
  private static let shortDescription = orNull(text(0...255))
  private static let limitValue = integer(RegisteredLimit.limits)

  private static let registeredLimitFields = [
    Field("service_id", uuid), Field("region_id", region), Field("resource_name", resource),
    Field("default_limit", limitValue), Field("description", shortDescription),
  ]

  static let newRegisteredLimits = only(
    "registered_limits",
    array(
      of: object(
        registeredLimitFields.map {
          Field($0.name, $0.shape, required: ["service_id", "resource_name", "default_limit"].contains($0.name))
        }), 1...LimitRoutes.createdAtOnceMax))

  static let registeredLimitChange = only("registered_limit", object(registeredLimitFields))

  static let newLimits = only(
    "limits",
    array(
      of: object([
        .needed("service_id", uuid), .needed("resource_name", resource), .needed("resource_limit", limitValue),
        Field("region_id", region), Field("project_id", orNull(id)), Field("domain_id", orNull(id)),
        Field("description", shortDescription),
      ]), 1...LimitRoutes.createdAtOnceMax))

  static let limitChange = only(
    "limit", object([Field("resource_limit", limitValue), Field("description", shortDescription)]))

  private static let endpointFilters = object([
    Field("interface", choice(EndpointFilter.interfaces)), Field("service_id", text(0...64)),
    Field("region_id", orNull(text(0...255))),
  ])

  /// A change takes null for what stays as it is: `openstack endpoint group set` sends it.
  static func endpointGroup(changes: Bool) -> JSONShape {
    only(
      "endpoint_group",
      object(
        [
          Field("name", changes ? orNull(resource) : resource, required: !changes),
          Field("filters", changes ? orNull(endpointFilters) : endpointFilters, required: !changes),
          Field("description", orNull(text(0...65536))),
        ], count: (changes ? 1 : 2)...3))
  }

  static func policy(changes: Bool) -> JSONShape {
    only(
      "policy",
      object(
        [
          Field("blob", text(0...Route.bodyBytesMax), required: !changes),
          Field("type", text(0...255), required: !changes),
        ], others: .kept(.any, names: 0...255), count: (changes ? 1 : 2)...countMax))
  }
}
