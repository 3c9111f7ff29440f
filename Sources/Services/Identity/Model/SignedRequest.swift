import API
import Crypto
import Foundation
import Kit

/// A request that somebody signed with a key of EC2's or S3's, as a service tells of it.
struct SignedRequest: Sendable {
  var access: String
  var signature: String
  /// S3: the text that was signed, in base64.
  var token: String?
  var host = ""
  var verb = ""
  var path = ""
  var bodyHash = ""
  var parameters: [String: String] = [:]
  /// By names in lower case.
  var headers: [String: String] = [:]

  /// Reads what stands below one of the names that Keystone takes. Throws `Fault` 400, 401 where there is no signature.
  init(_ body: JSONFields) throws {
    let fields = try ["credentials", "credential", "ec2Credentials"].lazy.compactMap(body.optionalObject).first
    guard let fields, let access = try fields.optionalString("access", 0...16_384), !access.isEmpty,
      let signature = try fields.optionalString("signature", 0...16_384), !signature.isEmpty
    else { throw Fault.unauthorized("A signature with its access key is needed.") }
    self.access = access
    self.signature = signature
    token = try fields.optionalString("token", 0...16_384)
    host = try fields.optionalString("host", 0...16_384) ?? ""
    verb = try fields.optionalString("verb", 0...16_384) ?? ""
    path = try fields.optionalString("path", 0...16_384) ?? ""
    bodyHash = try fields.optionalString("body_hash", 0...16_384) ?? ""
    parameters = Self.texts(fields.value("params"))
    headers = Dictionary(
      Self.texts(fields.value("headers")).map { ($0.key.lowercased(), $0.value) },
      uniquingKeysWith: { first, _ in first })
  }

  private static func texts(_ value: JSONValue?) -> [String: String] {
    (value?.object ?? [:]).compactMapValues { $0.string ?? $0.int.map(String.init) }
  }

  // MARK: EC2

  /// Whether the secret made this signature (versions 2 and 4), and when it says it was signed. Of the times that a
  /// request may carry only the signed one counts. nil where it was not made with the secret.
  func signedAt(ec2 secret: Secret<String>) -> Timestamp? {
    if parameters["SignatureVersion"] == "2" {
      let portless = host.split(separator: ":").first.map(String.init) ?? host
      // Some clients leave the port out of what they sign.
      guard [host, portless].contains(where: { fitsVersion2(secret, host: $0) }) else { return nil }
      return parameters["Timestamp"].flatMap(Self.time)
    }
    guard let authority = Authority(self), let date = headers["x-amz-date"] ?? parameters["X-Amz-Date"],
      date.hasPrefix(authority.date), authority.date.count == 8
    else { return nil }
    let scope = authority.scope.joined(separator: "/")
    let digest = Self.hex(SHA256.hash(data: Array(canonical(authority).utf8)))
    let text = ["AWS4-HMAC-SHA256", date, scope, digest].joined(separator: "\n")
    guard Self.fitsVersion4(secret, authority.scope, Array(text.utf8), signature) else { return nil }
    return Self.time(date)
  }

  private func fitsVersion2(_ secret: Secret<String>, host: String) -> Bool {
    var parameters = parameters
    parameters["SignatureMethod"] = "HmacSHA256"
    let text = [verb, host, path, Self.query(parameters)].joined(separator: "\n")
    guard let given = Data(base64Encoded: signature) else { return false }
    return HMAC<SHA256>.isValidAuthenticationCode(
      given, authenticating: Array(text.utf8), using: SymmetricKey(data: Array(secret.reveal().utf8)))
  }

  /// Where version 4 says what was signed, and for which day, region and service: a header, or parameters.
  private struct Authority {
    var signedHeaders: String
    /// Day, region, service, `aws4_request`.
    var scope: [String]
    var date: String { scope[0] }

    init?(_ request: SignedRequest) {
      let header = request.headers["authorization"]
      guard header?.hasPrefix("AWS4-HMAC-SHA256") ?? (request.parameters["X-Amz-Algorithm"] == "AWS4-HMAC-SHA256"),
        let credential = Self.member("Credential", header, request),
        let signed = Self.member("SignedHeaders", header, request)
      else { return nil }
      scope = credential.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map(String.init)
      signedHeaders = signed
      guard scope.count == 4 else { return nil }
    }

    private static func member(_ name: String, _ header: String?, _ request: SignedRequest) -> String? {
      guard let header else { return request.parameters["X-Amz-" + name] }
      guard let start = header.range(of: name + "=") else { return nil }
      return header[start.upperBound...].split(separator: ",", omittingEmptySubsequences: false).first.map(String.init)
    }
  }

  private func canonical(_ authority: Authority) -> String {
    // A POST has its parameters in the body.
    let query = verb.uppercased() == "POST" ? "" : Self.query(parameters)
    let names = authority.signedHeaders.split(separator: ";").map(String.init)
    let lines = names.compactMap { name in
      headers[name].map { "\(name):\($0.trimmingCharacters(in: .whitespaces))" }
    }
    return [
      verb.uppercased(), path, query, lines.joined(separator: "\n") + "\n", authority.signedHeaders, bodyHash,
    ].joined(separator: "\n")
  }

  /// Parameters as AWS sorts and escapes them.
  private static func query(_ parameters: [String: String]) -> String {
    parameters.sorted { Array($0.key.utf8).lexicographicallyPrecedes(Array($1.key.utf8)) }
      .map { PercentEncoding.strict($0.key) + "=" + PercentEncoding.strict($0.value) }.joined(separator: "&")
  }

  private static func fitsVersion4(
    _ secret: Secret<String>, _ scope: [String], _ text: [UInt8], _ signature: String
  ) -> Bool {
    guard let given = bytes(hex: signature) else { return false }
    var key = SymmetricKey(data: Array("AWS4".utf8) + Array(secret.reveal().utf8))
    for part in scope {
      key = SymmetricKey(data: Data(HMAC<SHA256>.authenticationCode(for: Array(part.utf8), using: key)))
    }
    return HMAC<SHA256>.isValidAuthenticationCode(given, authenticating: text, using: key)
  }

  // MARK: S3

  /// Services that a signature for S3 may name.
  private static let s3Services = ["s3", "iam", "sts"]

  /// Whether the secret signed the text of an S3 request, and when, as far as the text says it: version 4 does.
  func signed(s3 secret: Secret<String>) -> (fits: Bool, at: Timestamp?) {
    guard let token, let text = Data(base64Encoded: Self.standardBase64(token)) else { return (false, nil) }
    guard text.starts(with: Array("AWS4".utf8)) else {
      guard let given = Data(base64Encoded: signature) else { return (false, nil) }
      let key = SymmetricKey(data: Array(secret.reveal().utf8))
      return (HMAC<Insecure.SHA1>.isValidAuthenticationCode(given, authenticating: text, using: key), nil)
    }
    let lines = String(decoding: text, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
    guard lines.count == 4, lines[0] == "AWS4-HMAC-SHA256" else { return (false, nil) }
    let scope = lines[2].split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard scope.count == 4, scope[3] == "aws4_request", Self.s3Services.contains(scope[2]),
      lines[1].hasPrefix(scope[0]), let at = Self.time(String(lines[1]))
    else { return (false, nil) }
    return (Self.fitsVersion4(secret, scope, Array(text), signature), at)
  }

  /// When the request itself says it was made; nil where it says nothing. Throws `Fault` 401 where it is no time.
  func saidTime() throws -> Timestamp? {
    guard let text = parameters["Timestamp"] ?? headers["x-amz-date"] ?? parameters["X-Amz-Date"] else { return nil }
    guard let time = Self.time(text) else { throw LoginRules.refusal }
    return time
  }

  // MARK: Text

  /// Names the signature: the same request signed once more in the same second has the same.
  var digest: String {
    Self.hex(SHA256.hash(data: Array((access + "\n" + signature).utf8)))
  }

  /// ISO 8601, in the long form and in AWS's short one: `20240131T235959Z`.
  static func time(_ text: String) -> Timestamp? {
    guard text.count == 16, text.hasSuffix("Z"), !text.contains("-") else { return Timestamp(iso8601: text) }
    let digits = Array(text)
    func part(_ range: Range<Int>) -> String { String(digits[range]) }
    return Timestamp(
      iso8601: "\(part(0..<4))-\(part(4..<6))-\(part(6..<8))T\(part(9..<11)):\(part(11..<13)):\(part(13..<15))Z")
  }

  private static func standardBase64(_ text: String) -> String {
    text.replacing("-", with: "+").replacing("_", with: "/")
  }

  static func hex(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { $0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16) }.joined()
  }

  private static func bytes(hex text: String) -> [UInt8]? {
    let digits = Array(text.utf8)
    guard digits.count.isMultiple(of: 2) else { return nil }
    var bytes: [UInt8] = []
    for index in stride(from: 0, to: digits.count, by: 2) {
      guard let byte = UInt8(String(decoding: digits[index..<index + 2], as: UTF8.self), radix: 16) else { return nil }
      bytes.append(byte)
    }
    return bytes
  }
}

/// Percent-encoding as signatures want it.
enum PercentEncoding {
  /// Only letters, digits and `-._~` stay as they are (RFC 3986, section 2.3).
  static func strict(_ text: String) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var bytes: [UInt8] = []
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "~"):
        bytes.append(byte)
      default: bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
