import Auth
import Crypto
import CryptoExtras
import Foundation
import Kit

/// A signed JSON Web Token (RFC 7519) that is read, but not yet believed.
struct JSONWebToken: Sendable {
  /// What we take. `none` and everything with a shared secret is no algorithm at all here.
  enum Algorithm: String, Sendable {
    case rs256 = "RS256"
    case es256 = "ES256"
  }

  /// Why a token is not taken. It goes to the log, not to the client.
  struct Refused: Error, Equatable {
    var reason: String
  }

  /// Bytes of a token at the most.
  static let bytesMax = 16 * 1024
  /// How much the issuer's clock may be ahead of ours.
  private static let leewaySeconds = 30.0

  let algorithm: Algorithm
  let keyID: String?
  let claims: [String: JSONValue]
  private let signed: [UInt8]
  private let signature: [UInt8]

  /// Throws `Refused`.
  init(_ token: Secret<String>) throws {
    let text = token.reveal()
    guard text.utf8.count <= Self.bytesMax else { throw Refused(reason: "it is too long") }
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 3 else { throw Refused(reason: "it is no JSON Web Token") }
    guard let header = Self.object(parts[0]), let claims = Self.object(parts[1]),
      let signature = Self.bytes(parts[2])
    else { throw Refused(reason: "it cannot be read") }
    guard let name = header["alg"]?.string, let algorithm = Algorithm(rawValue: name) else {
      throw Refused(reason: "its algorithm is none of ours")
    }
    // What a header says is critical, we would have to understand (RFC 7515, section 4.1.11).
    guard header["crit"] == nil else { throw Refused(reason: "it has critical members") }
    self.algorithm = algorithm
    keyID = header["kid"]?.string
    self.claims = claims
    self.signature = signature
    signed = Array((parts[0] + "." + parts[1]).utf8)
  }

  private static func bytes(_ part: Substring) -> [UInt8]? {
    guard !part.isEmpty, part.utf8.allSatisfy(isOfBase64URL) else { return nil }
    return Base64URL.decode(String(part))
  }

  private static func isOfBase64URL(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
      true
    default: false
    }
  }

  private static func object(_ part: Substring) -> [String: JSONValue]? {
    bytes(part).flatMap { (try? JSONValue(parsing: $0))?.object }
  }

  /// Who says to have issued it; not to be believed before it is verified.
  var issuer: String? { claims["iss"]?.string }

  /// Whether it was signed with the key.
  func isSigned(by key: IssuerKey) -> Bool {
    switch (algorithm, key.material) {
    case (.rs256, .rsa(let key)):
      return key.isValidSignature(
        _RSA.Signing.RSASignature(rawRepresentation: signature), for: SHA256.hash(data: signed),
        padding: .insecurePKCS1v1_5)
    case (.es256, .p256(let key)):
      guard let signature = try? P256.Signing.ECDSASignature(rawRepresentation: signature) else { return false }
      return key.isValidSignature(signature, for: SHA256.hash(data: signed))
    default: return false
    }
  }

  /// Throws `Refused` where the claims are not from `issuer`, for none of `audiences`, or not of this moment.
  func check(issuer: String, audiences: Set<String>, at now: Timestamp) throws {
    guard self.issuer == issuer else { throw Refused(reason: "another issuer") }
    let claimed = claims["aud"]?.string.map { [$0] } ?? claims["aud"]?.array?.compactMap(\.string) ?? []
    guard !audiences.isDisjoint(with: claimed) else { throw Refused(reason: "it is for another audience") }
    guard let end = Self.time(claims["exp"]), now < end else { throw Refused(reason: "it has expired") }
    for name in ["nbf", "iat"] {
      guard let value = claims[name] else { continue }
      guard let start = Self.time(value), start <= now.adding(seconds: Self.leewaySeconds) else {
        throw Refused(reason: "it is not valid yet")
      }
    }
    guard let subject = claims["sub"]?.string, !subject.isEmpty else { throw Refused(reason: "it names nobody") }
  }

  /// Seconds since 1970 as a moment; nil for what is none.
  private static func time(_ value: JSONValue?) -> Timestamp? {
    let seconds: Double
    switch value {
    case .int(let whole)?: seconds = Double(whole)
    case .double(let number)?: seconds = number
    default: return nil
    }
    guard (0...1e11).contains(seconds) else { return nil }
    return Timestamp(microseconds: Int64(seconds * 1_000_000))
  }
}

/// A public key of an issuer (RFC 7517).
struct IssuerKey: Sendable {
  enum Material: Sendable {
    case rsa(_RSA.Signing.PublicKey)
    case p256(P256.Signing.PublicKey)
  }

  /// Bytes of an RSA modulus at the most: checking takes the longer the larger it is.
  private static let modulusMax = 1024
  let keyID: String?
  let material: Material

  /// nil for a key that is not for signatures, or of a kind that we do not take.
  init?(_ json: JSONValue) {
    guard let members = json.object, (members["use"]?.string ?? "sig") == "sig" else { return nil }
    keyID = members["kid"]?.string
    func bytes(_ name: String) -> [UInt8]? { members[name]?.string.flatMap(Base64URL.decode) }
    let algorithm = members["alg"]?.string
    switch members["kty"]?.string {
    case "RSA":
      guard algorithm == nil || algorithm == JSONWebToken.Algorithm.rs256.rawValue, let modulus = bytes("n"),
        modulus.count <= Self.modulusMax, let exponent = bytes("e"), exponent.count <= 8,
        let key = try? _RSA.Signing.PublicKey(n: modulus, e: exponent)
      else { return nil }
      material = .rsa(key)
    case "EC":
      guard algorithm == nil || algorithm == JSONWebToken.Algorithm.es256.rawValue,
        members["crv"]?.string == "P-256", let x = bytes("x"), let y = bytes("y"), x.count == 32, y.count == 32,
        let key = try? P256.Signing.PublicKey(x963Representation: [4] + x + y)
      else { return nil }
      material = .p256(key)
    default: return nil
    }
  }
}
