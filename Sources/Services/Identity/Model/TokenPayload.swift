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

  struct Methods: OptionSet, Sendable, Hashable {
    let rawValue: UInt16
    static let password = Methods(rawValue: 1)
    static let token = Methods(rawValue: 2)
    static let applicationCredential = Methods(rawValue: 4)
    static let totp = Methods(rawValue: 8)
    static let mapped = Methods(rawValue: 16)
    static let openid = Methods(rawValue: 32)
    static let oauth1 = Methods(rawValue: 64)
    static let ec2credential = Methods(rawValue: 128)
    static let all: Methods = Methods(rawValue: 255)
    /// Names of those that a user may be asked for.
    static let offered: Set<String> = Set(named.map(\.name)).subtracting(["ec2credential"])

    /// Each with what the API calls it.
    static let named: [(method: Methods, name: String)] = [
      (.password, "password"), (.token, "token"), (.applicationCredential, "application_credential"), (.totp, "totp"),
      (.mapped, "mapped"), (.openid, "openid"), (.oauth1, "oauth1"), (.ec2credential, "ec2credential"),
    ]

    var names: [String] { Self.named.filter { contains($0.method) }.map(\.name) }
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
  /// The trust it came by. `userID` is the trustee; what the trustor's `token_generation` was is here.
  var trustID: String?
  var trustorGeneration = 0
  /// The OAuth 1.0a access token it came by.
  var accessTokenID: String?
  /// Where its user logged in, if elsewhere.
  var federation: Principal.Federation?

  static let auditIDBytes = 16
  /// Longer tokens are not looked at: room for the longest chain and all groups, sealed.
  static let sealedBytesMax = 4096
  /// Rescopings in a row at the most.
  static let ancestorsMax = 32
  /// Groups that a federated login may bring.
  static let federatedGroupsMax = 100
  /// Version 1 was written before there was federation. Such tokens are void after the upgrade: their owners log in
  /// anew.
  private static let version: UInt8 = 2

  /// What may follow the fixed part, each once and in this order.
  private enum Part: UInt8 {
    case applicationCredential = 1
    case trust = 2
    case accessToken = 3
    case federation = 4
  }

  /// As shown: the token's own audit id and the first of its chain.
  var auditIDs: [String] { ([auditID] + ancestors.prefix(1)).map(Base64URL.encode) }

  static func newAuditID() -> [UInt8] { (0..<auditIDBytes).map { _ in UInt8.random(in: 0...255) } }

  // MARK: Bytes

  /// Whether all ids can be written: each has 1 to 255 bytes.
  var isEncodable: Bool {
    let ids =
      [userID, scope.targetID, applicationCredentialID, trustID, accessTokenID, federation?.identityProviderID]
      + [federation?.protocolID] + (federation?.groupIDs ?? [])
    return ids.allSatisfy { id in id.map { (1...255).contains($0.utf8.count) } ?? true }
      && federation.map { $0.groupIDs.count <= Self.federatedGroupsMax } ?? true
  }

  func encoded() -> [UInt8] {
    var bytes: [UInt8] = [Self.version, UInt8(methods.rawValue >> 8), UInt8(methods.rawValue & 255)]
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
    func put(_ part: Part, _ ids: String?...) {
      guard let first = ids.first, first != nil else { return }
      bytes.append(part.rawValue)
      for id in ids { put(id ?? "") }
    }
    // Their number comes first: no piece of a token is a token with fewer bounds.
    let parts = [applicationCredentialID, trustID, accessTokenID, federation?.identityProviderID]
    bytes.append(UInt8(parts.count { $0 != nil }))
    put(.applicationCredential, applicationCredentialID)
    put(.trust, trustID, String(trustorGeneration))
    put(.accessToken, accessTokenID)
    if let federation {
      put(.federation, federation.identityProviderID, federation.protocolID)
      let groups = federation.groupIDs.prefix(Self.federatedGroupsMax)
      bytes.append(UInt8(groups.count))
      for group in groups { put(group) }
    }
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
    func federation() -> Principal.Federation? {
      guard let provider = id(), let protocolID = id(), let count = byte(), count <= Self.federatedGroupsMax else {
        return nil
      }
      var groups: [String] = []
      for _ in 0..<count {
        guard let group = id() else { return nil }
        groups.append(group)
      }
      return .init(identityProviderID: provider, protocolID: protocolID, groupIDs: groups)
    }
    guard byte() == Self.version, let high = byte(), let low = byte(),
      case let methods = Methods(rawValue: UInt16(high) << 8 | UInt16(low)), !methods.isEmpty,
      methods.isSubset(of: .all), let issuedAt = number(), let expiresAt = number(),
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
    guard let parts = byte() else { return nil }
    var last: UInt8 = 0
    for _ in 0..<parts {
      guard let next = byte(), next > last, let part = Part(rawValue: next) else { return nil }
      last = next
      switch part {
      case .applicationCredential:
        guard let id = id() else { return nil }
        applicationCredentialID = id
      case .trust:
        guard let trust = id(), let generation = id().flatMap({ Int($0) }) else { return nil }
        trustID = trust
        trustorGeneration = generation
      case .accessToken:
        guard let id = id() else { return nil }
        accessTokenID = id
      case .federation:
        guard let found = federation() else { return nil }
        self.federation = found
      }
    }
    // What a method stands for must be there: a token never loses what confines it.
    guard rest.isEmpty, methods.contains(.applicationCredential) == (applicationCredentialID != nil),
      !methods.contains(.oauth1) || accessTokenID != nil
    else { return nil }
    self.methods = methods
    self.userID = userID
    self.userGeneration = Int(userGeneration)
    self.issuedAt = Timestamp(microseconds: issuedAt)
    self.expiresAt = Timestamp(microseconds: expiresAt)
    self.auditID = auditID
    self.ancestors = ancestors
  }

  init(
    methods: Methods, userID: String, userGeneration: Int, scope: Scope, issuedAt: Timestamp, expiresAt: Timestamp,
    auditID: [UInt8], ancestors: [[UInt8]], applicationCredentialID: String?, trustID: String? = nil,
    trustorGeneration: Int = 0, accessTokenID: String? = nil, federation: Principal.Federation? = nil
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
    self.trustID = trustID
    self.trustorGeneration = trustorGeneration
    self.accessTokenID = accessTokenID
    self.federation = federation
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
