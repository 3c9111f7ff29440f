import CCrypt
import Crypto
import CryptoExtras
import Foundation

/// A stored password hash, read: our own, and those that Keystone and passlib write.
///
///     $scrypt$ln=14,r=8,p=1$<salt>$<key>
///     $pbkdf2-sha512$<rounds>$<salt>$<key>
///     $2b$<cost>$<salt and key>
///     $bcrypt-sha256$v=2,t=2b,r=<cost>$<salt>$<key>
///
/// What would take more memory or time than any sane installation asks for is no hash: a row must not stop the service.
enum PasswordHash: Sendable, Equatable {
  case scrypt(logRounds: Int, blockSize: Int, parallelism: Int, salt: [UInt8], key: [UInt8])
  case pbkdf2SHA512(rounds: Int, salt: [UInt8], key: [UInt8])
  /// All of it, as `crypt` writes it.
  case bcrypt(String)
  /// bcrypt of a digest of the password, so that no byte of a long one is lost; `setting` is `$2b$12$<salt>`.
  case bcryptSHA256(setting: String, salt: String, isKeyed: Bool, checksum: String)

  /// Memory that one hash may take, in bytes.
  private static let scryptBytesMax = 256 << 20
  private static let pbkdf2RoundsMax = 5_000_000
  /// The logarithm of bcrypt's rounds.
  private static let bcryptCosts = 4...16

  init?(_ text: String) {
    let parts = text.split(separator: "$", omittingEmptySubsequences: false).dropFirst().map(String.init)
    switch parts.first {
    case "scrypt": self.init(scrypt: parts)
    case "pbkdf2-sha512": self.init(pbkdf2: parts)
    case "bcrypt-sha256": self.init(bcryptSHA256: parts)
    case "2a", "2b", "2y":
      guard parts.count == 3, Self.cost(parts[1]) != nil, Self.isBcryptText(parts[2], 53) else { return nil }
      self = .bcrypt(text)
    default: return nil
    }
  }

  private init?(scrypt parts: [String]) {
    guard parts.count == 4, let numbers = Self.parameters(parts[1]), let logRounds = numbers["ln"].flatMap(Int.init),
      let blockSize = numbers["r"].flatMap(Int.init), let parallelism = numbers["p"].flatMap(Int.init),
      (1...24).contains(logRounds), (1...64).contains(blockSize), (1...16).contains(parallelism),
      128 * blockSize * (1 << logRounds) <= Self.scryptBytesMax, let salt = Self.bytes(parts[2]),
      let key = Self.bytes(parts[3]), (16...64).contains(key.count)
    else { return nil }
    self = .scrypt(logRounds: logRounds, blockSize: blockSize, parallelism: parallelism, salt: salt, key: key)
  }

  private init?(pbkdf2 parts: [String]) {
    guard parts.count == 4, let rounds = Int(parts[1]), (1...Self.pbkdf2RoundsMax).contains(rounds),
      let salt = Self.bytes(parts[2]), let key = Self.bytes(parts[3]), (16...64).contains(key.count)
    else { return nil }
    self = .pbkdf2SHA512(rounds: rounds, salt: salt, key: key)
  }

  /// `v=2,t=2b,r=12`, and before passlib 1.7.3 `2b,12`, where the digest was not keyed.
  private init?(bcryptSHA256 parts: [String]) {
    guard parts.count == 4, Self.isBcryptText(parts[2], 22), Self.isBcryptText(parts[3], 31) else { return nil }
    let kind: String
    let cost: String
    let isKeyed: Bool
    if let numbers = Self.parameters(parts[1]) {
      guard numbers["v"] == "2", let named = numbers["t"], let rounds = numbers["r"] else { return nil }
      (kind, cost, isKeyed) = (named, rounds, true)
    } else {
      let words = parts[1].split(separator: ",").map(String.init)
      guard words.count == 2 else { return nil }
      (kind, cost, isKeyed) = (words[0], words[1], false)
    }
    guard kind == "2a" || kind == "2b", let rounds = Self.cost(cost) else { return nil }
    let digits = rounds < 10 ? "0\(rounds)" : "\(rounds)"
    self = .bcryptSHA256(
      setting: "$\(kind)$\(digits)$\(parts[2])", salt: parts[2], isKeyed: isKeyed, checksum: parts[3])
  }

  /// Whether `password`, in UTF-8, gives it: in constant time where hashes differ. Throws where no key can be derived.
  func matches(_ password: [UInt8]) throws -> Bool {
    switch self {
    case .scrypt(let logRounds, let blockSize, let parallelism, let salt, let key):
      let derived = try KDF.Scrypt.deriveKey(
        from: password, salt: salt, outputByteCount: key.count, rounds: 1 << logRounds, blockSize: blockSize,
        parallelism: parallelism)
      return Self.same(derived.withUnsafeBytes { Array($0) }, key)
    case .pbkdf2SHA512(let rounds, let salt, let key):
      // How many rounds there are was decided where the hash was made.
      let derived = try KDF.Insecure.PBKDF2.deriveKey(
        from: password, salt: salt, using: .sha512, outputByteCount: key.count, unsafeUncheckedRounds: rounds)
      return Self.same(derived.withUnsafeBytes { Array($0) }, key)
    case .bcrypt(let text):
      guard let found = Self.crypt(password, text) else { return false }
      return Self.same(Array(found.utf8), Array(text.utf8))
    case .bcryptSHA256(let setting, let salt, let isKeyed, let checksum):
      let digest =
        isKeyed
        ? Array(HMAC<SHA256>.authenticationCode(for: password, using: SymmetricKey(data: Array(salt.utf8))))
        : Array(SHA256.hash(data: password))
      guard let found = Self.crypt(Array(Data(digest).base64EncodedData()), setting) else { return false }
      return Self.same(Array(found.utf8.suffix(31)), Array(checksum.utf8))
    }
  }

  // MARK: Parts

  /// What `crypt` makes of it; nil where it cannot. C takes a zero for the end, so a password with one fits nothing.
  private static func crypt(_ password: [UInt8], _ setting: String) -> String? {
    guard !password.contains(0) else { return nil }
    let size = Int(ccrypt_data_size)
    let memory = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: size)
    defer {
      explicit_bzero(memory, size)
      memory.deallocate()
    }
    return (password.map { CChar(bitPattern: $0) } + [0]).withUnsafeBufferPointer { phrase in
      crypt_rn(phrase.baseAddress, setting, memory, ccrypt_data_size).map { String(cString: $0) }
    }
  }

  private static func same(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    left.count == right.count && zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
  }

  /// `ln=14,r=8,p=1`; nil for anything else.
  private static func parameters(_ text: String) -> [String: String]? {
    var found: [String: String] = [:]
    for part in text.split(separator: ",") {
      guard let equals = part.firstIndex(of: "=") else { return nil }
      found[String(part[..<equals])] = String(part[part.index(after: equals)...])
    }
    return found
  }

  private static func cost(_ text: String) -> Int? {
    guard let cost = Int(text), bcryptCosts.contains(cost) else { return nil }
    return cost
  }

  private static func isBcryptText(_ text: String, _ length: Int) -> Bool {
    text.utf8.count == length
      && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "." || $0 == "/") }
  }

  /// Base64 without padding, with `+`, passlib's `.` or `-`, and `/` or `_`.
  private static func bytes(_ text: String) -> [UInt8]? {
    Base64URL.decode(text.replacing(".", with: "+").replacing("+", with: "-").replacing("/", with: "_"))
  }
}
