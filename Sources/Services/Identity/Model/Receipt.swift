import Kit

/// Says that a user has shown some of the methods that its rules ask for: the rest may follow in a second request.
///
/// It is sealed as tokens are and begins with another byte: neither can stand for the other.
struct Receipt: Sendable, Equatable {
  /// The header that carries it, both ways.
  static let header = "Openstack-Auth-Receipt"

  var methods: TokenPayload.Methods
  var userID: String
  /// The user's `token_generation`: whatever voids its tokens voids its receipts.
  var userGeneration: Int
  var issuedAt: Timestamp
  var expiresAt: Timestamp

  /// "R"; a token's payload begins with its version, a small number.
  private static let mark: UInt8 = 0x52

  func encoded() -> [UInt8] {
    var bytes: [UInt8] = [Self.mark, UInt8(methods.rawValue >> 8), UInt8(methods.rawValue & 255)]
    for number in [issuedAt.microseconds, expiresAt.microseconds, Int64(userGeneration)] {
      withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
    }
    return bytes + userID.utf8
  }

  /// nil where the bytes are no receipt.
  init?(decoding bytes: [UInt8]) {
    guard bytes.count > 27, bytes[0] == Self.mark, let userID = String(validating: bytes[27...], as: UTF8.self) else {
      return nil
    }
    func number(_ start: Int) -> Int64 { bytes[start..<(start + 8)].reduce(0) { $0 << 8 | Int64($1) } }
    methods = TokenPayload.Methods(rawValue: UInt16(bytes[1]) << 8 | UInt16(bytes[2]))
    guard !methods.isEmpty, methods.isSubset(of: Self.showable) else { return nil }
    issuedAt = Timestamp(microseconds: number(3))
    expiresAt = Timestamp(microseconds: number(11))
    userGeneration = Int(number(19))
    self.userID = userID
  }

  init(
    methods: TokenPayload.Methods, userID: String, userGeneration: Int, issuedAt: Timestamp, expiresAt: Timestamp
  ) {
    self.methods = methods
    self.userID = userID
    self.userGeneration = userGeneration
    self.issuedAt = issuedAt
    self.expiresAt = expiresAt
  }

  /// What a receipt may carry: methods that show who a user is. A delegated credential stands alone.
  static let showable: TokenPayload.Methods = [.password, .totp, .token, .mapped, .openid]
}

/// A receipt with what is shown of it.
struct ReceiptFacts: Sendable {
  var receipt: Receipt
  var userName: String
  var domainID: String
  var domainName: String
  /// The user's rules that the receipt goes towards, each with all the methods it asks for.
  var rules: [[String]]
}

/// A receipt that is given out.
struct IssuedReceipt: Sendable {
  var sealed: Secret<String>
  var facts: ReceiptFacts
}
