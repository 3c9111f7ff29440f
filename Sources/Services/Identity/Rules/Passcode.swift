import Crypto
import Foundation
import Kit

/// One-time passcodes by the clock (RFC 6238): six digits, steps of 30 s, HMAC-SHA-1, as Keystone's.
enum Passcode {
  static let stepSeconds: Int64 = 30
  /// Digits of a passcode.
  static let digits = 6

  /// The time step of a moment.
  static func step(_ moment: Timestamp) -> Int { Int(moment.microseconds / 1_000_000 / stepSeconds) }

  /// The passcode of a time step, with leading zeros.
  static func passcode(secret: [UInt8], step: Int) -> String {
    let counter = withUnsafeBytes(of: Int64(step).bigEndian) { Array($0) }
    // SHA-1 is what authenticator programs compute; as a keyed hash it is not known to be weak.
    let code = Array(
      HMAC<Insecure.SHA1>.authenticationCode(for: counter, using: SymmetricKey(data: secret)))
    let offset = Int(code[code.count - 1] & 15)
    let number = code[offset..<(offset + 4)].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } & 0x7fff_ffff
    let text = String(number % 1_000_000)
    return String(repeating: "0", count: digits - text.count) + text
  }

  /// The bytes of a base32 text (RFC 4648), with or without padding; nil where it is none, or empty.
  static func secret(base32 text: String) -> [UInt8]? {
    var bytes: [UInt8] = []
    var bits = 0
    var value: UInt32 = 0
    for character in text.utf8.reversed().drop(while: { $0 == UInt8(ascii: "=") }).reversed() {
      let digit: UInt32
      switch character {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"): digit = UInt32(character - UInt8(ascii: "A"))
      case UInt8(ascii: "2")...UInt8(ascii: "7"): digit = UInt32(character - UInt8(ascii: "2")) + 26
      default: return nil
      }
      value = value << 5 | digit
      bits += 5
      guard bits >= 8 else { continue }
      bits -= 8
      bytes.append(UInt8(value >> UInt32(bits) & 255))
      value &= (1 << UInt32(bits)) - 1
    }
    return bytes.isEmpty ? nil : bytes
  }

  /// The newest of these time steps, `before` back from the present one, whose passcode was given. Every step of every
  /// secret is computed, whatever fits.
  static func match(_ given: String, _ secrets: [[UInt8]], at moment: Timestamp, before: Int) -> Int? {
    let present = step(moment)
    var found: Int?
    for secret in secrets {
      for step in (present - before)...present {
        let expected = passcode(secret: secret, step: step)
        let difference = zip(expected.utf8, given.utf8).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) }
        if difference == 0, given.utf8.count == digits { found = max(found ?? step, step) }
      }
    }
    return found
  }
}
