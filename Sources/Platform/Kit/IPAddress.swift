import Foundation

/// An IPv4 or IPv6 address.
public struct IPAddress: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// 4 or 6.
  public let version: Int
  /// The address as a number; IPv4 uses the low 32 bits.
  public let bits: UInt128

  public init(version: Int, bits: UInt128) {
    self.version = version
    self.bits = bits
  }

  /// Reads dotted-quad IPv4 or any IPv6 text without a zone; nil where it is something else.
  public init?(_ text: String) {
    var four = in_addr()
    var six = in6_addr()
    if inet_pton(AF_INET, text, &four) == 1 {
      self.init(version: 4, bits: UInt128(UInt32(bigEndian: four.s_addr)))
    } else if inet_pton(AF_INET6, text, &six) == 1 {
      let bits = withUnsafeBytes(of: &six) { $0.reduce(UInt128(0)) { $0 << 8 | UInt128($1) } }
      self.init(version: 6, bits: bits)
    } else {
      return nil
    }
  }

  /// The IPv4 address that an IPv6 one stands for (`::ffff:192.0.2.1`, as a socket of both versions writes it); else
  /// itself.
  public var unmapped: IPAddress {
    version == 6 && bits >> 32 == 0xffff ? IPAddress(version: 4, bits: bits & UInt128(UInt32.max)) : self
  }

  /// Bits of an address of this version: 32 or 128.
  public var width: Int { version == 4 ? 32 : 128 }

  /// The address's bytes, most significant first.
  public var bytes: [UInt8] {
    stride(from: width - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: bits >> $0) }
  }

  /// Canonical text (RFC 5952 for IPv6).
  public var description: String {
    if version == 4 { return bytes.map(String.init).joined(separator: ".") }
    var six = in6_addr()
    withUnsafeMutableBytes(of: &six) { $0.copyBytes(from: bytes) }
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { buffer in
      guard let base = buffer.baseAddress, inet_ntop(AF_INET6, &six, base, socklen_t(buffer.count)) != nil else {
        return "::"
      }
      return String(cString: base)
    }
  }

  public static func < (left: IPAddress, right: IPAddress) -> Bool {
    (left.version, left.bits) < (right.version, right.bits)
  }

  /// The address `distance` further on; nil where it would leave the address space.
  public func advanced(by distance: Int) -> IPAddress? {
    let (value, overflow) =
      distance >= 0
      ? bits.addingReportingOverflow(UInt128(distance)) : bits.subtractingReportingOverflow(UInt128(-distance))
    guard !overflow, version == 6 || value <= UInt128(UInt32.max) else { return nil }
    return IPAddress(version: version, bits: value)
  }

  /// The link-local IPv6 address a MAC gives (RFC 4862, modified EUI-64).
  public static func linkLocal(mac: MACAddress) -> IPAddress {
    IPAddress(version: 6, bits: UInt128(0xfe80) << 112 | mac.eui64)
  }
}

/// An address block, `10.0.0.0/24` or `fd00::/64`.
public struct CIDR: Sendable, Hashable, CustomStringConvertible {
  /// The first address: host bits are zero.
  public let network: IPAddress
  /// Length of the prefix in bits.
  public let prefix: Int

  /// The block of `prefix` bits that holds `address`.
  public init(containing address: IPAddress, prefix: Int) {
    let mask = CIDR.mask(width: address.width, prefix: prefix)
    network = IPAddress(version: address.version, bits: address.bits & mask)
    self.prefix = prefix
  }

  /// Reads `address/prefix`; host bits are dropped. An address alone is a block of one. nil where it is neither.
  public init?(_ text: String) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let first = parts.first, let address = IPAddress(String(first)) else { return nil }
    var prefix = address.width
    if parts.count == 2 {
      guard let value = Int(parts[1]), (0...address.width).contains(value), parts[1].allSatisfy(\.isNumber) else {
        return nil
      }
      prefix = value
    }
    self.init(containing: address, prefix: prefix)
  }

  private static func mask(width: Int, prefix: Int) -> UInt128 {
    guard prefix > 0 else { return 0 }
    let all: UInt128 = width == 128 ? .max : UInt128(UInt32.max)
    return prefix == width ? all : all & ~((UInt128(1) << (width - prefix)) - 1)
  }

  public var version: Int { network.version }
  public var description: String { "\(network)/\(prefix)" }

  /// The last address of the block (IPv4: the broadcast address).
  public var last: IPAddress {
    let all: UInt128 = network.width == 128 ? .max : UInt128(UInt32.max)
    let hosts = all & ~CIDR.mask(width: network.width, prefix: prefix)
    return IPAddress(version: version, bits: network.bits | hosts)
  }

  public func contains(_ address: IPAddress) -> Bool {
    address.version == version && network <= address && address <= last
  }

  public func overlaps(_ other: CIDR) -> Bool { contains(other.network) || other.contains(network) }

  /// The IPv4 netmask, `255.255.255.0`.
  public var netmask: String {
    IPAddress(version: version, bits: CIDR.mask(width: network.width, prefix: prefix)).description
  }
}
