import Auth
import Foundation
import Kit

/// What a Fernet token carries, in a compact binary form. Everything else is read from the store when it is used.
struct TokenPayload: Sendable, Equatable {
  enum Scope: Sendable, Equatable {
    case unscoped
    case project(id: String, generation: Int)
    case domain(id: String, generation: Int)
    case system
  }

  struct Methods: OptionSet, Sendable {
    let rawValue: UInt8
    static let password = Methods(rawValue: 1)
    static let token = Methods(rawValue: 2)
    static let applicationCredential = Methods(rawValue: 4)
    static let all: Methods = [.password, .token, .applicationCredential]

    var names: [String] {
      [(Methods.password, "password"), (.token, "token"), (.applicationCredential, "application_credential")]
        .filter { contains($0.0) }.map(\.1)
    }
  }

  var methods: Methods
  var userID: String
  /// The user's `token_generation` when it was issued; the token is void as soon as that moves on.
  var userGeneration: Int
  var scope: Scope
  var issuedAt: Timestamp
  var expiresAt: Timestamp
  /// 16 random bytes.
  var auditID: [UInt8]
  /// Audit ids of the tokens it was got with, the first login's first.
  var ancestors: [[UInt8]]
  var applicationCredentialID: String?

  static let auditIDBytes = 16
  /// Rescopings in a row at the most.
  static let ancestorsMax = 32
  private static let version: UInt8 = 1

  /// As shown: the token's own audit id and the first of its chain.
  var auditIDs: [String] { ([auditID] + ancestors.prefix(1)).map(Base64URL.encode) }

  static func newAuditID() -> [UInt8] { (0..<auditIDBytes).map { _ in UInt8.random(in: 0...255) } }

  // MARK: Bytes

  func encoded() -> [UInt8] {
    var bytes: [UInt8] = [Self.version, methods.rawValue]
    func put(_ value: Int64) { withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) } }
    func put(_ id: String) {
      if let packed = Self.pack(id) {
        bytes.append(0)
        bytes += packed
      } else {
        bytes.append(UInt8(min(id.utf8.count, 255)))
        bytes += id.utf8.prefix(255)
      }
    }
    put(issuedAt.microseconds)
    put(expiresAt.microseconds)
    put(userID)
    put(Int64(userGeneration))
    switch scope {
    case .unscoped: bytes.append(0)
    case .project(let id, let generation):
      bytes.append(1)
      put(id)
      put(Int64(generation))
    case .domain(let id, let generation):
      bytes.append(2)
      put(id)
      put(Int64(generation))
    case .system: bytes.append(3)
    }
    bytes += auditID
    bytes.append(UInt8(ancestors.count))
    for ancestor in ancestors { bytes += ancestor }
    if let applicationCredentialID { put(applicationCredentialID) }
    return bytes
  }

  /// The payload; nil where the bytes are none of this version's, to the last byte.
  init?(decoding bytes: [UInt8]) {
    var rest = bytes[...]
    func byte() -> UInt8? { rest.popFirst() }
    func take(_ count: Int) -> [UInt8]? {
      guard rest.count >= count else { return nil }
      defer { rest = rest.dropFirst(count) }
      return Array(rest.prefix(count))
    }
    func number() -> Int64? { take(8)?.reduce(0) { $0 << 8 | Int64($1) } }
    func id() -> String? {
      guard let length = byte() else { return nil }
      if length == 0 { return take(16).map(Self.unpack) }
      return take(Int(length)).flatMap { String(validating: $0, as: UTF8.self) }
    }
    guard byte() == Self.version, let methods = byte().map(Methods.init(rawValue:)),
      !methods.isEmpty, methods.isSubset(of: .all), let issuedAt = number(), let expiresAt = number(),
      let userID = id(), let userGeneration = number(), let kind = byte()
    else { return nil }
    switch kind {
    case 0: scope = .unscoped
    case 1, 2:
      guard let target = id(), let generation = number() else { return nil }
      scope =
        kind == 1 ? .project(id: target, generation: Int(generation)) : .domain(id: target, generation: Int(generation))
    case 3: scope = .system
    default: return nil
    }
    guard let auditID = take(Self.auditIDBytes), let count = byte(), count <= Self.ancestorsMax else { return nil }
    var ancestors: [[UInt8]] = []
    for _ in 0..<count {
      guard let ancestor = take(Self.auditIDBytes) else { return nil }
      ancestors.append(ancestor)
    }
    var credential: String?
    if methods.contains(.applicationCredential) {
      guard let id = id() else { return nil }
      credential = id
    }
    guard rest.isEmpty else { return nil }
    self.methods = methods
    self.userID = userID
    self.userGeneration = Int(userGeneration)
    self.issuedAt = Timestamp(microseconds: issuedAt)
    self.expiresAt = Timestamp(microseconds: expiresAt)
    self.auditID = auditID
    self.ancestors = ancestors
    applicationCredentialID = credential
  }

  init(
    methods: Methods, userID: String, userGeneration: Int, scope: Scope, issuedAt: Timestamp, expiresAt: Timestamp,
    auditID: [UInt8], ancestors: [[UInt8]], applicationCredentialID: String?
  ) {
    self.methods = methods
    self.userID = userID
    self.userGeneration = userGeneration
    self.scope = scope
    self.issuedAt = issuedAt
    self.expiresAt = expiresAt
    self.auditID = auditID
    self.ancestors = ancestors
    self.applicationCredentialID = applicationCredentialID
  }

  /// 32 hexadecimal digits in lower case as 16 bytes; nil for any other id.
  private static func pack(_ id: String) -> [UInt8]? {
    guard id.utf8.count == 32 else { return nil }
    var packed: [UInt8] = []
    var high: UInt8?
    for character in id.utf8 {
      let digit: UInt8
      switch character {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = character - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = character - UInt8(ascii: "a") + 10
      default: return nil
      }
      if let first = high {
        packed.append(first << 4 | digit)
        high = nil
      } else {
        high = digit
      }
    }
    return packed
  }

  private static func unpack(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}
