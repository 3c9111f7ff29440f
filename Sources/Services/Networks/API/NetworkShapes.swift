import API

/// A resource whose bodies are declared: what a new one may say, and what a change may.
protocol DeclaredResource: StoredResource {
  static var newFields: [JSONShape.Field] { get }
  static var changedFields: [JSONShape.Field] { get }
}

extension DeclaredResource {
  private static var names: [JSONShape.Field] {
    (hasName ? [JSONShape.Field("name", .orNull(.text))] : [])
      + [JSONShape.Field("description", .orNull(.text))]
  }
  private static var owner: [JSONShape.Field] {
    ["project_id", "tenant_id"].map { JSONShape.Field($0, .orNull(.text(1...255))) }
  }

  /// One new resource below its name, or several below the names' plural.
  static var newBody: BodyShape {
    let one = JSONShape.object(newFields + names + owner)
    return .needed(
      .object(
        [
          JSONShape.Field(singular, one),
          JSONShape.Field(plural, .array(of: one, 1...ResourceRoutes<Self>.bulkMax)),
        ], count: 1...1))
  }

  static var changedBody: BodyShape { .needed(.only(singular, .object(changedFields + names))) }

  /// A list: filters and keys by the table of its fields, tags, one page, some members; others are refused.
  static var listQuery: QueryShape {
    let fields = ListField.standard.merging(listFields) { $1 }
    let sorted = fields.filter { $0.value.sortExpression != nil }.keys.sorted()
    return QueryShape(
      fields.sorted { $0.key < $1.key }.map { .init($0.key, $0.value.kind) }
        + ["tags", "tags-any", "not-tags", "not-tags-any"].map { .init($0, .list(.text)) }
        + .networkPage(sortKeys: sorted), others: .refused)
  }

  static var showQuery: QueryShape { .members }
}

extension QueryShape {
  /// The members that are wanted; others are ignored where one resource is shown.
  static let members = QueryShape(["fields"], others: .ignored)
}

extension [QueryShape.Parameter] {
  /// What every list of Neutron takes.
  static func networkPage(sortKeys: [String]) -> [QueryShape.Parameter] {
    [
      "fields", .init("sort_key", .choice(sortKeys)), .init("sort_dir", .choice(["asc", "desc"])),
      .init("limit", .natural), "marker", .init("page_reverse", .boolean),
    ]
  }
}

extension JSONShape {
  fileprivate static let switched = orNull(boolean(words: true))
  fileprivate static let id = orNull(text(0...64))
  fileprivate static let address = orNull(text(1...64))
  fileprivate static let fixedIPs = orNull(
    array(of: object([Field("subnet_id", id), Field("ip_address", address)]), 0...Port.fixedIPsMax))
  static let routes = orNull(
    array(of: object([.needed("destination", text(1...64)), .needed("nexthop", text(1...64))])))
  static let tagList = object([.needed("tags", array(of: text(0...TagRoutes<Network>.lengthMax)))])
  static let routerInterface = object([Field("subnet_id", id), Field("port_id", id)])
}

extension Network: DeclaredResource {
  private static let flags = ["admin_state_up", "shared", "router:external", "port_security_enabled", "is_default"]
  private static let common =
    flags.map { JSONShape.Field($0, .switched) }
    + [JSONShape.Field("mtu", .orNull(.integer(0...65535, digits: true)))]
  static let newFields =
    common + [
      .init("availability_zone_hints", .orNull(.array(of: .text, 0...10))),
      .init("provider:network_type", .orNull(.text)), .init("provider:physical_network", .orNull(.text)),
      .init("provider:segmentation_id", .orNull(.integer(1...0xff_ffff, digits: true))),
    ]
  static let changedFields = common
}

extension Subnet: DeclaredResource {
  private static let modes = JSONShape.orNull(.choice(["slaac", "dhcpv6-stateful", "dhcpv6-stateless"]))
  private static let common: [JSONShape.Field] = [
    .init("enable_dhcp", .switched), .init("gateway_ip", .address),
    .init("dns_nameservers", .orNull(.array(of: .text, 0...Subnet.nameserversMax))),
    .init("host_routes", .routes),
    .init(
      "allocation_pools",
      .orNull(
        .array(
          of: .object([.needed("start", .text(1...64)), .needed("end", .text(1...64))]), 0...Subnet.poolsMax))),
  ]
  static let newFields =
    common + [
      .needed("network_id", .text(1...64)), .needed("ip_version", .integer(4...6, digits: true)),
      .needed("cidr", .text(1...64)), .init("ipv6_ra_mode", modes), .init("ipv6_address_mode", modes),
      .init("subnetpool_id", .any), .init("prefixlen", .any), .init("segment_id", .any),
      .init("use_default_subnetpool", .switched), .init("service_types", .orNull(.array(of: .text))),
    ]
  static let changedFields = common
}

extension Port: DeclaredResource {
  private static let common: [JSONShape.Field] = [
    .init("admin_state_up", .switched), .init("mac_address", .orNull(.text(0...64))), .init("fixed_ips", .fixedIPs),
    .init("device_id", .orNull(.text)), .init("device_owner", .orNull(.text)),
    .init("port_security_enabled", .switched),
    .init("security_groups", .orNull(.array(of: .text, 0...Port.securityGroupsMax))),
    .init(
      "allowed_address_pairs",
      .orNull(
        .array(
          of: .object([.needed("ip_address", .text(1...64)), .init("mac_address", .orNull(.text(0...64)))]),
          0...Port.addressPairsMax))),
    .init(
      "extra_dhcp_opts",
      .orNull(
        .array(
          of: .object([
            .needed("opt_name", .text(1...64)), .init("opt_value", .orNull(.text)),
            .init("ip_version", .orNull(.integer(4...6, digits: true))),
          ]), 0...Port.dhcpOptionsMax))),
    .init("binding:host_id", .orNull(.text)), .init("binding:profile", .any),
    .init("binding:vnic_type", .orNull(.text)),
  ]
  static let newFields = common + [.needed("network_id", .text(1...64))]
  static let changedFields = common
}

extension Router: DeclaredResource {
  private static let gateway = JSONShape.orNull(
    .object([
      .init("network_id", .text(1...64)), .init("enable_snat", .switched),
      .init("external_fixed_ips", .fixedIPs), .init("qos_policy_id", .any),
    ]))
  private static let common: [JSONShape.Field] = [
    .init("admin_state_up", .switched), .init("external_gateway_info", gateway), .init("distributed", .switched),
    .init("ha", .switched), .init("flavor_id", .any),
  ]
  static let newFields =
    common + [.init("availability_zone_hints", .orNull(.array(of: .text, 0...10)))]
  static let changedFields = common + [.init("routes", .routes)]
  static let routesBody = BodyShape.needed(.only(singular, .object([.init("routes", .routes)], others: .ignored)))
}

extension FloatingIP: DeclaredResource {
  private static let common: [JSONShape.Field] = [
    .init("port_id", .id), .init("fixed_ip_address", .address), .init("qos_policy_id", .any),
  ]
  static let newFields =
    common + [
      .needed("floating_network_id", .text(1...64)), .init("floating_ip_address", .address), .init("subnet_id", .id),
      .init("dns_name", .any), .init("dns_domain", .any),
    ]
  static let changedFields = common
}

extension SecurityGroup: DeclaredResource {
  static let newFields: [JSONShape.Field] = [.init("stateful", .switched)]
  static let changedFields = newFields
}

extension SecurityGroupRule: DeclaredResource {
  private static let portNumber = JSONShape.orNull(.integer(-1...65535, digits: true))
  static let newFields: [JSONShape.Field] = [
    .needed("security_group_id", .text(1...64)), .init("direction", .choice(["ingress", "egress"])),
    .init("ethertype", .orNull(.text)), .init("protocol", .anyOf([.text, .integer(Int.min...Int.max), .null])),
    .init("port_range_min", portNumber), .init("port_range_max", portNumber),
    .init("remote_ip_prefix", .orNull(.text(0...64))), .init("remote_group_id", .id),
    .init("remote_address_group_id", .any),
  ]
  static let changedFields: [JSONShape.Field] = []
}
