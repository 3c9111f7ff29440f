import API

extension JSONShape {
  private static let maybeText = orNull(text)
  private static let diskConfig = orNull(choice(["AUTO", "MANUAL"]))
  private static let tag = orNull(text(1...60))
  /// Nova takes an empty text for a flag that is not set.
  private static let looseFlag = anyOf([wordFlag, choice([""]), .null])

  /// Fields that come with 2.32, went with 2.37 and came again with 2.42.
  private static let networkTag = [
    Field("tag", tag, since: .compute(32), until: .compute(36)), Field("tag", tag, since: .compute(42)),
  ]
  private static let deviceTag = [
    Field("tag", tag, since: .compute(32), until: .compute(32)), Field("tag", tag, since: .compute(42)),
  ]

  private static let networkList = array(
    of: object([Field("port", orNull(.uuid)), Field("uuid", orNull(.uuid)), Field("fixed_ip", maybeText)] + networkTag))

  private static let device = object(
    [
      Field("source_type", orNull(choice(["volume", "image", "snapshot", "blank"]))),
      Field("destination_type", orNull(choice(["local", "volume"]))),
      Field("boot_index", orNull(integer(-1...1000, digits: true))), Field("uuid", orNull(text(1...255))),
      Field("image_id", orNull(text(1...255))), Field("delete_on_termination", orNull(wordFlag)),
      Field("volume_type", maybeText, since: .compute(67)),
    ] + ["guest_format", "device_type", "disk_bus", "device_name"].map { Field($0, maybeText) }
      + ["no_device", "connection_info", "volume_size", "volume_id", "snapshot_id", "virtual_name"].map {
        Field($0, .any)
      } + deviceTag)

  private static let attributes = [
    Field("OS-DCF:diskConfig", diskConfig), Field("accessIPv4", maybeText), Field("accessIPv6", maybeText),
    Field("description", orNull(text(0...255)), since: .compute(19)),
    Field("hostname", orNull(text(1...255)), since: .compute(90)),
  ]

  private static let newServerFields: [Field] =
    [
      .needed("name", text(1...255)), .needed("flavorRef", anyOf([text(0...255), integer(0...Int.max)])),
      Field("imageRef", maybeText), Field("block_device_mapping_v2", orNull(array(of: device))),
      Field("networks", orNull(networkList), until: .compute(36)),
      .needed("networks", anyOf([choice(["auto", "none"]), networkList]), since: .compute(37)),
      Field("security_groups", orNull(array(of: object([.needed("name", text(1...255))])))),
      Field("key_name", orNull(text(1...255))), Field("metadata", metadata),
      Field("user_data", orNull(text(0...ServerCreateBody.userDataCharactersMax))), Field("config_drive", looseFlag),
      Field("adminPass", orNull(text(0...255))), Field("min_count", orNull(integer(1...1000, digits: true))),
      Field("max_count", orNull(integer(1...1000, digits: true))), Field("return_reservation_id", looseFlag),
      Field("availability_zone", orNull(text(1...255))), Field("tags", orNull(array(of: .any)), since: .compute(52)),
      Field("host", orNull(text(1...255)), since: .compute(74)),
      Field("hypervisor_hostname", orNull(text(1...255)), since: .compute(74)),
      Field("personality", orNull(array(of: .any)), until: .compute(56)),
      Field("block_device_mapping", orNull(array(of: .any))),
      Field("trusted_image_certificates", .any, since: .compute(63)),
    ] + attributes

  static let newServer: JSONShape = {
    let hints = object([], others: .kept(.any, names: 0...255))
    return object([
      .needed("server", object(newServerFields)), Field("os:scheduler_hints", hints),
      Field("OS-SCH-HNT:scheduler_hints", hints),
    ])
  }()

  static let serverChange = only("server", object([Field("name", text(1...255))] + attributes))

  /// One member names the action. Those that are not offered are answered by `ServerActionRoutes`.
  static let serverAction = object(
    [
      Field("os-start", .any), Field("os-stop", .any), Field("unlock", .any),
      Field(
        "reboot", object([.needed("type", choice(["SOFT", "Soft", "soft", "HARD", "Hard", "hard"]))])),
      Field("lock", .any, until: .compute(72)),
      Field("lock", orNull(object([Field("locked_reason", orNull(text(1...255)))])), since: .compute(73)),
      Field("os-getConsoleOutput", object([Field("length", orNull(integer(-1...Int(Int32.max), digits: true)))])),
    ] + ["addSecurityGroup", "removeSecurityGroup"].map { Field($0, object([.needed("name", text(1...255))])) },
    others: .kept(.any, names: 1...255))
}
