import Kit
import Synchronization

/// Request ids, `req-<uuid>`: random bits of this process mixed with a count, for asking the kernel for random bytes
/// costs more than the rest of routing. They need not be hard to guess; nothing is allowed by knowing one.
enum RequestIDs {
  private static let secret = (UInt64.random(in: 0...UInt64.max), UInt64.random(in: 0...UInt64.max))
  private static let count = Atomic<UInt64>(0)
  private static let digits = StaticString("0123456789abcdef")

  static func next() -> String {
    let place = count.add(1, ordering: .relaxed).newValue
    return format(mix(place ^ secret.0), mix(place &+ secret.1))
  }

  /// The finish of splitmix64: different numbers stay different.
  private static func mix(_ number: UInt64) -> UInt64 {
    var bits = number &* 0x9e37_79b9_7f4a_7c15
    bits = (bits ^ (bits >> 30)) &* 0xbf58_476d_1ce4_e5b9
    bits = (bits ^ (bits >> 27)) &* 0x94d0_49bb_1331_11eb
    return bits ^ (bits >> 31)
  }

  /// As a UUID of version 4, which clients may check.
  private static func format(_ high: UInt64, _ low: UInt64) -> String {
    let bits = (high & ~0xf000 | 0x4000, low & ~(0xc << 60) | 0x8 << 60)
    return String(unsafeUninitializedCapacity: 40) { text in
      for (place, byte) in "req-".utf8.enumerated() { text[place] = byte }
      var end = 4
      for nibble in 0..<32 {
        if nibble == 8 || nibble == 12 || nibble == 16 || nibble == 20 {
          text[end] = UInt8(ascii: "-")
          end += 1
        }
        let half = nibble < 16 ? bits.0 : bits.1
        text[end] = digits.utf8Start[Int(half >> UInt64(60 - nibble % 16 * 4) & 15)]
        end += 1
      }
      return end
    }
  }
}
