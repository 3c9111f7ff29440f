import Crypto
import CryptoExtras
import Foundation
public import Kit

/// One Fernet key: AES-128-CBC with HMAC-SHA256 (https://github.com/fernet/spec).
public struct FernetKey: Sendable {
  private let signing: SymmetricKey
  private let encryption: SymmetricKey

  /// Makes a key of 32 bytes: 16 to sign, 16 to encrypt. nil for any other length.
  public init?(bytes: [UInt8]) {
    guard bytes.count == 32 else { return nil }
    signing = SymmetricKey(data: bytes[..<16])
    encryption = SymmetricKey(data: bytes[16...])
  }

  /// Seals `plain` into a token without padding, as Keystone writes it. Throws where the cipher does.
  public func seal(_ plain: [UInt8], at moment: Timestamp) throws -> String {
    let vector = AES._CBC.IV()
    var message: [UInt8] = [0x80]
    withUnsafeBytes(of: UInt64(moment.microseconds / 1_000_000).bigEndian) { message.append(contentsOf: $0) }
    message.append(contentsOf: Array(vector))
    message.append(contentsOf: try AES._CBC.encrypt(plain, using: encryption, iv: vector))
    message.append(contentsOf: HMAC<SHA256>.authenticationCode(for: message, using: signing))
    return Base64URL.encode(message)
  }

  /// The sealed bytes; nil where the token was not sealed by this key, byte for byte.
  public func open(_ token: String) -> [UInt8]? {
    guard token.utf8.count <= Self.sealedBytesMax, let message = Base64URL.decode(token), message.count >= 73,
      message[0] == 0x80, (message.count - 57) % 16 == 0, Base64URL.encode(message) == token
    else { return nil }
    let body = message.dropLast(32)
    guard HMAC<SHA256>.isValidAuthenticationCode(message.suffix(32), authenticating: body, using: signing),
      let vector = try? AES._CBC.IV(ivBytes: message[9..<25]),
      let plain = try? AES._CBC.decrypt(message[25..<(message.count - 32)], using: encryption, iv: vector)
    else { return nil }
    return Array(plain)
  }

  /// What is longer is not looked at: no token is, and no credential that may be kept.
  static let sealedBytesMax = 128 * 1024
}

/// Base64 with `-` and `_`, without padding (RFC 4648, section 5).
public enum Base64URL {
  public static func encode(_ bytes: [UInt8]) -> String {
    let standard = Data(bytes).base64EncodedData()
    return String(decoding: standard.lazy.filter { $0 != UInt8(ascii: "=") }.map(Self.urlByte), as: UTF8.self)
  }

  /// The bytes; nil where the text is not base64url. Padding may be there or not.
  public static func decode(_ text: String) -> [UInt8]? {
    var standard = Data(text.utf8.map(Self.standardByte))
    while standard.count % 4 != 0 { standard.append(UInt8(ascii: "=")) }
    return Data(base64Encoded: standard).map { Array($0) }
  }

  private static func urlByte(_ byte: UInt8) -> UInt8 {
    switch byte {
    case UInt8(ascii: "+"): UInt8(ascii: "-")
    case UInt8(ascii: "/"): UInt8(ascii: "_")
    default: byte
    }
  }

  private static func standardByte(_ byte: UInt8) -> UInt8 {
    switch byte {
    case UInt8(ascii: "-"): UInt8(ascii: "+")
    case UInt8(ascii: "_"): UInt8(ascii: "/")
    default: byte
    }
  }
}
