import Kit

/// Ethernet frames made by hand, true or forged.
enum Frame {
  static let broadcast = MACAddress(bits: 0xffff_ffff_ffff)

  static func bytes(_ mac: MACAddress) -> [UInt8] {
    stride(from: 40, through: 0, by: -8).map { UInt8(truncatingIfNeeded: mac.bits >> UInt64($0)) }
  }

  static func word(_ value: Int) -> [UInt8] { [UInt8(value >> 8 & 0xff), UInt8(value & 0xff)] }

  static func ethernet(_ source: MACAddress, _ target: MACAddress, type: Int, _ payload: [UInt8]) -> [UInt8] {
    bytes(target) + bytes(source) + word(type) + payload
  }

  static func checksum(_ bytes: [UInt8]) -> Int {
    var sum = 0
    for index in stride(from: 0, to: bytes.count, by: 2) {
      sum += Int(bytes[index]) << 8 | (index + 1 < bytes.count ? Int(bytes[index + 1]) : 0)
    }
    while sum > 0xffff { sum = sum & 0xffff + sum >> 16 }
    return ~sum & 0xffff
  }

  static func ip4(_ source: String, _ target: String, number: Int, _ payload: [UInt8]) throws -> [UInt8] {
    let ends = try address(source).bytes + address(target).bytes
    var head: [UInt8] = [0x45, 0] + word(20 + payload.count) + [0, 1, 0, 0, 64, UInt8(number), 0, 0] + ends
    head.replaceSubrange(10..<12, with: word(checksum(head)))
    return head + payload
  }

  static func ip6(_ source: String, _ target: String, number: Int, hopLimit: Int = 255, _ payload: [UInt8]) throws
    -> [UInt8]
  {
    [0x60, 0, 0, 0] + word(payload.count) + [UInt8(number), UInt8(hopLimit)] + (try address(source).bytes)
      + (try address(target).bytes) + payload
  }

  /// UDP; the checksum is left out for IPv4 and computed for IPv6.
  static func udp(_ sourcePort: Int, _ targetPort: Int, _ payload: [UInt8]) -> [UInt8] {
    word(sourcePort) + word(targetPort) + word(8 + payload.count) + [0, 0] + payload
  }

  /// A TCP segment over IPv4 with its checksum.
  static func tcp4(
    _ source: String, _ target: String, ports: (Int, Int), sequence: UInt32, acknowledged: UInt32, flags: UInt8,
    _ payload: [UInt8] = []
  ) throws -> [UInt8] {
    func long(_ value: UInt32) -> [UInt8] { word(Int(value >> 16)) + word(Int(value & 0xffff)) }
    var segment = word(ports.0) + word(ports.1) + long(sequence) + long(acknowledged) + [0x50, flags] + word(65_535)
    segment += [0, 0, 0, 0] + payload
    let pseudo = try address(source).bytes + address(target).bytes + [0, 6] + word(segment.count)
    segment.replaceSubrange(16..<18, with: word(checksum(pseudo + segment)))
    return try ip4(source, target, number: 6, segment)
  }

  /// An IPv6 payload with the checksum at `offset` filled in.
  static func summed6(_ source: String, _ target: String, number: Int, offset: Int, _ payload: [UInt8]) throws
    -> [UInt8]
  {
    let pseudo =
      try address(source).bytes + address(target).bytes + [0, 0] + word(payload.count) + [0, 0, 0, UInt8(number)]
    var result = payload
    result.replaceSubrange(offset..<(offset + 2), with: word(checksum(pseudo + payload)))
    return result
  }

  static func arp(
    operation: Int, senderMAC: MACAddress, sender: String, targetMAC: MACAddress = MACAddress(bits: 0), target: String
  ) throws -> [UInt8] {
    word(1) + word(0x0800) + [6, 4] + word(operation) + bytes(senderMAC) + (try address(sender).bytes)
      + bytes(targetMAC) + (try address(target).bytes)
  }

  static func icmp6(_ source: String, _ target: String, type: Int, body: [UInt8]) throws -> [UInt8] {
    let message = try summed6(source, target, number: 58, offset: 2, [UInt8(type), 0, 0, 0] + body)
    return try ip6(source, target, number: 58, message)
  }

  /// A DHCP message of the client, broadcast.
  static func dhcp(type: UInt8, mac: MACAddress, chaddr: MACAddress? = nil, options: [UInt8] = []) throws -> [UInt8] {
    var body: [UInt8] = [1, 1, 6, 0, 0x12, 0x34, 0x56, 0x78, 0, 0, 0x80, 0] + [UInt8](repeating: 0, count: 16)
    body += bytes(chaddr ?? mac) + [UInt8](repeating: 0, count: 10 + 64 + 128)
    body += [0x63, 0x82, 0x53, 0x63, 53, 1, type, 55, 7, 1, 3, 6, 26, 121, 12, 67] + options + [255]
    return ethernet(
      mac, broadcast, type: 0x0800, try ip4("0.0.0.0", "255.255.255.255", number: 17, udp(68, 67, body)))
  }

  private static func address(_ text: String) throws -> IPAddress {
    guard let address = IPAddress(text) else { throw BadAddress(text: text) }
    return address
  }
  struct BadAddress: Error { var text: String }
}

/// A DHCP answer, taken apart.
struct DHCPAnswer {
  var address: IPAddress
  var options: [UInt8: [UInt8]] = [:]

  /// nil where the frame is no DHCP answer.
  init?(_ frame: [UInt8]) {
    let udp = 14 + 20
    guard frame.count > udp + 8 + 240, frame[12] == 8, frame[13] == 0, frame[23] == 17,
      frame[udp] == 0, frame[udp + 1] == 67
    else { return nil }
    let body = Array(frame[(udp + 8)...])
    address = IPAddress(version: 4, bits: body[16..<20].reduce(UInt128(0)) { $0 << 8 | UInt128($1) })
    var index = 240
    while index + 1 < body.count, body[index] != 255 {
      if body[index] == 0 {
        index += 1
        continue
      }
      let length = Int(body[index + 1])
      guard index + 2 + length <= body.count else { return }
      options[body[index]] = Array(body[(index + 2)..<(index + 2 + length)])
      index += 2 + length
    }
  }
}
