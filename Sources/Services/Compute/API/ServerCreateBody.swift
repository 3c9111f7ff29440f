import API
import Contracts
import Foundation
import Kit

/// The body of `POST /servers`, read and checked as far as it can be without the store.
struct ServerCreateBody: Sendable {
  static let userDataCharactersMax = 65535

  var name: String
  var flavorID: String
  var imageID: String
  /// nil: the project's only network.
  var cards: [CardRequest]?
  /// Names or ids; nil where nothing was said.
  var securityGroups: [String]?
  var keyName: String?
  var metadata: [String: String]
  var userData: String?
  var configDrive: Bool
  var adminPass: Secret<String>
  var minCount: Int
  var maxCount: Int
  var returnReservationID: Bool
  var zone: String?
  var host: String?
  var description: String?
  var tags: [String]
  var hostname: String?
  var diskConfig: String
  var accessIPv4: String?
  var accessIPv6: String?
  /// A JSON object.
  var schedulerHints: String

  init(_ call: Call) throws {
    let body = try call.body()
    let fields = try body.object("server")
    schedulerHints = try Self.hints(body)

    name = try ServerFields.name(fields)
    flavorID = try Self.flavor(fields)
    imageID = try Self.image(fields, call)
    cards = try Self.networks(fields, call)
    securityGroups = try fields.optionalObjects("security_groups")?.map { group in
      let name = try group.string("name", 1...255)
      return name
    }
    keyName = try fields.optionalString("key_name", 1...255)
    metadata = try ServerFields.metadata(fields, "metadata") ?? [:]
    userData = try Self.userData(fields)
    configDrive = try fields.isNull("config_drive") ? false : Self.flag(fields, "config_drive")
    adminPass =
      try fields.optionalString("adminPass", 0...255).flatMap { $0.isEmpty ? nil : Secret($0) }
      ?? Self.newPassword()
    (minCount, maxCount) = try Self.counts(fields)
    returnReservationID = try Self.flag(fields, "return_reservation_id")
    zone = try Self.zone(fields)
    description = call.at(19) ? try fields.optionalString("description", 0...255) : nil
    tags = call.at(52) ? try ServerFields.tags(try fields.optionalStrings("tags") ?? []) : []
    hostname = call.at(90) ? try ServerFields.hostname(fields, dotted: call.at(94)) : nil
    host = call.at(74) ? try Self.host(fields, call) : nil
    diskConfig = try fields.optionalChoice("OS-DCF:diskConfig", ["AUTO", "MANUAL"]) ?? "MANUAL"
    accessIPv4 = try ServerFields.access(fields, "accessIPv4", version: 4, old: nil)
    accessIPv6 = try ServerFields.access(fields, "accessIPv6", version: 6, old: nil)
    try Self.refuseUnsupported(fields, call)
    try checkCounts()
  }

  private static func hints(_ body: JSONFields) throws -> String {
    var hints: JSONValue = .object([:])
    for name in ["os:scheduler_hints", "OS-SCH-HNT:scheduler_hints"] where body.has(name) {
      guard let value = body.value(name), value.object != nil else { throw body.invalid(name, "it must be an object") }
      hints = value
    }
    return hints.text
  }

  private static func flavor(_ fields: JSONFields) throws -> String {
    switch fields.value("flavorRef") {
    case .int(let number)?: return String(number)
    case .string(let text)?:
      guard let last = text.split(separator: "/").last, text.count <= 255 else { break }
      return String(last)
    default: break
    }
    throw fields.invalid("flavorRef", "a flavor's id is required")
  }

  private static func flag(_ fields: JSONFields, _ name: String) throws -> Bool {
    if case .string("")? = fields.value(name) { return false }
    return try fields.optionalBool(name, lenient: true) ?? false
  }

  private static func userData(_ fields: JSONFields) throws -> String? {
    guard let text = try fields.optionalString("user_data", 0...userDataCharactersMax) else { return nil }
    let plain = text.filter { !$0.isNewline }
    guard let bytes = Data(base64Encoded: plain) else { throw fields.invalid("user_data", "it is not base64") }
    return bytes.isEmpty ? nil : plain
  }

  private static func counts(_ fields: JSONFields) throws -> (Int, Int) {
    let range = 1...1000
    let minimum = try fields.optionalInt("min_count", range, lenient: true)
    let maximum = try fields.optionalInt("max_count", range, lenient: true)
    let least = minimum ?? 1
    let most = maximum ?? least
    guard least <= most else { throw Fault.badRequest("min_count must be <= max_count") }
    return (least, most)
  }

  private static func zone(_ fields: JSONFields) throws -> String? {
    guard let zone = try fields.optionalString("availability_zone", 1...255) else { return nil }
    guard zone == GuestDocuments.zone else {
      throw Fault.badRequest("The requested availability zone is not available")
    }
    return zone
  }

  private static func host(_ fields: JSONFields, _ call: Call) throws -> String? {
    let host = try fields.optionalString("host", 1...255)
    let hypervisor = try fields.optionalString("hypervisor_hostname", 1...255)
    guard let name = host ?? hypervisor else { return nil }
    try call.require(ComputePermissions.createRequestedDestination)
    if let host, let hypervisor, host != hypervisor {
      throw Fault.badRequest("Host \(host.quoted) does not have the hypervisor \(hypervisor.quoted).")
    }
    return name
  }

  /// What this cloud cannot do is refused, never ignored.
  private static func refuseUnsupported(_ fields: JSONFields, _ call: Call) throws {
    if !call.at(57), let files = try fields.optionalArray("personality"), !files.isEmpty {
      throw Fault.badRequest("Personality files are not supported; use user_data.")
    }
    if let old = try fields.optionalArray("block_device_mapping"), !old.isEmpty {
      throw Fault.badRequest("Booting from volumes is not supported: block_device_mapping must be empty.")
    }
    if call.at(63), let certificates = fields.value("trusted_image_certificates"), !certificates.isNull {
      throw Fault.badRequest("Trusted image certificates are not supported.")
    }
  }

  private func checkCounts() throws {
    guard maxCount > 1 else { return }
    for card in cards ?? [] {
      switch card {
      case .port: throw Fault.badRequest("Unable to launch multiple instances with a single configured port ID.")
      case .network(_, let fixedIP, _):
        if fixedIP != nil { throw Fault.badRequest("Unable to launch multiple instances with a fixed IP.") }
      }
    }
    if hostname != nil { throw Fault.badRequest("Unable to launch multiple instances with a hostname.") }
  }

  /// 12 letters and digits that cannot be taken for one another.
  private static func newPassword() -> Secret<String> {
    let alphabet = Array("23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")
    var random = SystemRandomNumberGenerator()
    return Secret(String((0..<12).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &random)] }))
  }
}
