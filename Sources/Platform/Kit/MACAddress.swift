import Foundation

/// An Ethernet address.
public struct MACAddress: Sendable, Hashable, CustomStringConvertible {
  /// The low 48 bits hold the address.
  public let bits: UInt64

  public init(bits: UInt64) { self.bits = bits & 0xffff_ffff_ffff }

  /// Reads six two-digit groups with `:` or `-` between them; nil where it is something else.
  public init?(_ text: String) {
    let groups = text.split(whereSeparator: { $0 == ":" || $0 == "-" })
    guard groups.count == 6, text.utf8.count == 17 else { return nil }
    var value: UInt64 = 0
    for group in groups {
      guard group.utf8.count == 2, let byte = UInt8(group, radix: 16) else { return nil }
      value = value << 8 | UInt64(byte)
    }
    bits = value
  }

  /// A random address under OpenStack's prefix `fa:16:3e`.
  public static func random() -> MACAddress { MACAddress(bits: 0xfa_163e_000000 | UInt64.random(in: 0...0xff_ffff)) }

  public var isMulticast: Bool { bits & 0x0100_0000_0000 != 0 }

  /// The interface identifier of RFC 4291, appendix A.
  public var eui64: UInt128 {
    let flipped = bits ^ 0x0200_0000_0000
    return UInt128(flipped >> 24) << 40 | UInt128(0xfffe) << 24 | UInt128(flipped & 0xff_ffff)
  }

  public var description: String {
    stride(from: 40, through: 0, by: -8)
      .map { String((bits >> UInt64($0)) & 0xff | 0x100, radix: 16).dropFirst() }
      .joined(separator: ":")
  }
}
