import API

extension QueryShape {
  /// What Nova's lists do with others since 2.75: they refuse them.
  static func nova(_ parameters: [Parameter], since minor: Int = 75) -> QueryShape {
    QueryShape(parameters, others: .refusedSince(.compute(minor)))
  }

  private static let directions = Kind.choice(["asc", "desc"])

  static let servers = nova(
    ServerFilter.names.sorted().map { Parameter($0, ServerFilter.kinds[$0] ?? .text) } + [
      Parameter("tags", .list(.text), since: .compute(26)), Parameter("tags-any", .list(.text), since: .compute(26)),
      Parameter("not-tags", .list(.text), since: .compute(26)),
      Parameter("not-tags-any", .list(.text), since: .compute(26)),
      Parameter("changes-before", .time, since: .compute(66)), Parameter("locked", .boolean, since: .compute(73)),
    ])

  static let flavors = nova([
    Parameter("limit", .natural), "marker", "is_public", "minRam", "minDisk",
    Parameter("sort_key", .choice(FlavorRoutes.sortKeyNames)), Parameter("sort_dir", directions),
  ])

  static let keypairs = nova([
    Parameter("user_id", since: .compute(10)), Parameter("limit", .natural, since: .compute(35)),
    Parameter("marker", since: .compute(35)),
  ])
  static let keypair = nova([Parameter("user_id", since: .compute(10))])

  static let quotaSet = nova(["user_id"])

  static let hypervisors = nova(
    [
      Parameter("limit", .natural, repeats: false, since: .compute(33)),
      Parameter("marker", repeats: false, since: .compute(33)),
      Parameter("hypervisor_hostname_pattern", repeats: false, since: .compute(53)),
      Parameter("with_servers", .boolean, repeats: false, since: .compute(53)),
    ], since: 53)
  static let hypervisor = nova([Parameter("with_servers", .boolean, repeats: false, since: .compute(53))], since: 53)

  static let instanceActions = nova(
    [
      Parameter("limit", .natural, repeats: false, since: .compute(58)),
      Parameter("marker", repeats: false, since: .compute(58)),
      Parameter("changes-since", .time, repeats: false, since: .compute(58)),
      Parameter("changes-before", .time, repeats: false, since: .compute(66)),
    ], since: 58)
}

extension JSONShape {
  static let wordFlag = boolean(words: true)
  private static let size = integer(0...Int(Int32.max), digits: true)
  private static let positive = integer(1...Int(Int32.max), digits: true)

  static let flavor = only(
    "flavor",
    object([
      .needed("name", text(1...255)), Field("id", anyOf([text(0...255), integer(0...Int.max), .null])),
      .needed("ram", positive), .needed("vcpus", positive), .needed("disk", size),
      Field("OS-FLV-EXT-DATA:ephemeral", size), Field("swap", size),
      Field("rxtx_factor", anyOf([number, text])), Field("os-flavor-access:is_public", wordFlag),
      Field("description", orNull(text(0...65535)), since: .compute(55)),
    ]))
  static let flavorChange = only("flavor", object([.needed("description", orNull(text(0...65535)))]))
  /// The names' characters are looked at by `FlavorSpecRoutes`.
  static let specs = map(anyOf([text(0...255), number]), names: 0...255)
  static let spec = map(anyOf([text(0...255), number]), names: 0...255, count: 1...1)
  static let flavorAccess = object(
    ["addTenantAccess", "removeTenantAccess"].map { Field($0, object([.needed("tenant", text(1...255))])) },
    count: 1...1)

  static let keypair = only(
    "keypair",
    object([
      .needed("name", text(1...255)), Field("type", choice(["ssh", "x509"]), since: .compute(2)),
      Field("public_key", orNull(text(0...OpenSSHKey.publicKeyCharactersMax))),
      Field("user_id", text(1...255), since: .compute(10)),
    ]))

  /// A service by host and name, as before 2.53.
  static func service(_ more: [Field]) -> JSONShape {
    object([.needed("host", text(1...255)), .needed("binary", text(1...255))] + more)
  }
  static let disabledReason = Field("disabled_reason", text(1...255), required: true)
  static let forcedDown = Field("forced_down", wordFlag, required: true)
  static let serviceChange = object([
    Field("status", orNull(choice(["enabled", "disabled"]))), Field("disabled_reason", orNull(text(1...255))),
    Field("forced_down", orNull(wordFlag)),
  ])

  static let quotaSet: JSONShape = {
    let limit = orNull(integer(-1...Int(Int32.max), digits: true))
    let fields = ComputeQuota.standard.map { name, _ in
      Field(name, limit, until: ComputeQuota.last[name].map { .compute($0) })
    }
    return only("quota_set", object(fields + [Field("force", orNull(wordFlag)), Field("tenant_id", .any)]))
  }()

  static let interfaceAttachment = only(
    "interfaceAttachment",
    object([
      Field("net_id", orNull(.uuid)), Field("port_id", orNull(.uuid)),
      Field("fixed_ips", orNull(array(of: object([.needed("ip_address", text)]), 0...1))),
      Field("tag", orNull(text(1...60)), since: .compute(49)),
    ]))

  /// Metadata; what else a key or a value must be is said by `ServerFields`.
  static let metadata = map(.any, names: 0...1024)
  static let serverTags = object([.needed("tags", array(of: .any))])
}
