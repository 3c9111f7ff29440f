import API
import Contracts
import Kit

/// The networks and the root disk that a `POST /servers` asks for.
extension ServerCreateBody {
  private static let cardsMax = CardTable.slots.count

  /// The image to boot: `imageRef`, or a mapping from an image to a local disk.
  static func image(_ fields: JSONFields, _ call: Call) throws -> String {
    var mapped: String?
    if let mappings = try fields.optionalObjects("block_device_mapping_v2"), !mappings.isEmpty {
      guard mappings.count == 1 else {
        throw Fault.badRequest("Only one block device is supported: an image on the local root disk.")
      }
      mapped = try mappedImage(mappings[0], call)
    }
    let asked = try fields.optionalString("imageRef").flatMap { $0.isEmpty ? nil : $0 }
    guard let id = asked ?? mapped else {
      throw Fault.badRequest("Invalid imageRef provided: an image to boot is required.")
    }
    guard Identifier.isUUID(id) else { throw fields.invalid("imageRef", "\(id.quoted) is not a UUID") }
    if let mapped, mapped != id {
      throw Fault.badRequest("Block Device Mapping is Invalid: its image is not imageRef.")
    }
    return id.lowercased()
  }

  private static func mappedImage(_ mapping: JSONFields, _ call: Call) throws -> String {
    let source = try mapping.optionalChoice("source_type", ["volume", "image", "snapshot", "blank"])
    let destination = try mapping.optionalChoice("destination_type", ["local", "volume"])
    let bootIndex = try mapping.optionalInt("boot_index", -1...1000, lenient: true)
    let id = try mapping.optionalString("uuid", 1...255) ?? mapping.optionalString("image_id", 1...255)
    for name in ["guest_format", "device_type", "disk_bus", "device_name"] { _ = try mapping.optionalString(name) }
    for name in ["no_device", "connection_info", "volume_size"] { _ = mapping.value(name) }
    let volumes = ["volume_id", "snapshot_id", "virtual_name"].contains {
      mapping.value($0).map { !$0.isNull } ?? false
    }
    _ = try mapping.optionalBool("delete_on_termination", lenient: true)
    if call.at(42) || call.version == .compute(32), let tag = try mapping.optionalString("tag", 1...60) {
      try ServerFields.checkTag(tag)
    }
    if call.at(67) { _ = try mapping.optionalString("volume_type") }
    guard source == "image", destination == "local", bootIndex == 0, !volumes, let id else {
      throw Fault.badRequest(
        "Block Device Mapping is Invalid: only source_type image, destination_type local and boot_index 0 are "
          + "supported here; volumes are not.")
    }
    return id
  }

  /// The cards asked for; nil leaves the choice to the network service.
  static func networks(_ fields: JSONFields, _ call: Call) throws -> [CardRequest]? {
    guard fields.has("networks") else {
      if call.at(37) { throw fields.invalid("networks", "it is required") }
      return nil
    }
    if call.at(37), let word = fields.value("networks")?.string {
      switch word {
      case "auto": return nil
      case "none": return []
      default: throw fields.invalid("networks", "it must be auto, none or an array")
      }
    }
    guard let entries = try fields.optionalObjects("networks"), !entries.isEmpty else { return nil }
    guard entries.count <= cardsMax else {
      throw fields.invalid("networks", "a server can have at most \(cardsMax) network interfaces")
    }
    let tagged = call.at(42) || call.at(32) && !call.at(37)
    let cards = try entries.map { try card($0, tagged: tagged) }
    let ports = cards.compactMap { if case .port(let id, _) = $0 { id } else { nil } }
    guard Set(ports).count == ports.count else { throw Fault.badRequest("A port is named more than once.") }
    return cards
  }

  private static func card(_ entry: JSONFields, tagged: Bool) throws -> CardRequest {
    let port = try entry.optionalUUID("port")
    let network = try entry.optionalUUID("uuid")
    let fixedIP = try entry.optionalString("fixed_ip")
    let tag = tagged ? try entry.optionalString("tag", 1...60) : nil
    if let tag { try ServerFields.checkTag(tag) }
    if let fixedIP, IPAddress(fixedIP) == nil { throw entry.invalid("fixed_ip", "it is no address") }
    if let port {
      if let fixedIP { throw Fault.badRequest("Specified Fixed IP '\(fixedIP)' cannot be used with port '\(port)'.") }
      return .port(id: port, tag: tag)
    }
    guard let network else { throw Fault.badRequest("A network entry needs a uuid or a port.") }
    return .network(id: network, fixedIP: fixedIP, tag: tag)
  }
}
