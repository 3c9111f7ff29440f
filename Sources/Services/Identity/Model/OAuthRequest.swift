import API
import Crypto
import Foundation
import Kit

/// A request signed as OAuth 1.0a says (RFC 5849), its parameters in the header `Authorization`.
struct OAuthRequest: Sendable {
  /// Longest header read, in bytes.
  private static let headerBytesMax = 8192

  /// Parameters of the protocol, `oauth_signature` among them.
  private let parameters: [String: String]
  /// What was signed.
  private let base: String
  private let timestamp: Int

  let consumerID: String
  var token: String? { parameters["oauth_token"] }
  var verifier: Secret<String>? { parameters["oauth_verifier"].map { Secret($0) } }

  /// Throws `Fault` 400 where something is missing, 401 for a way to sign that is not taken.
  init(_ call: Call) throws {
    guard let header = call.header("Authorization"), header.utf8.count <= Self.headerBytesMax,
      let read = Self.read(header)
    else { throw Fault.badRequest("A header Authorization with OAuth parameters is needed.") }
    parameters = read
    guard let consumer = read["oauth_consumer_key"], let nonce = read["oauth_nonce"], read["oauth_signature"] != nil,
      let time = read["oauth_timestamp"].flatMap({ Int($0) }), time > 0, !nonce.isEmpty
    else { throw Fault.badRequest("OAuth parameters are missing.") }
    guard read["oauth_version"] ?? "1.0" == "1.0" else { throw Fault.badRequest("The version of OAuth must be 1.0.") }
    consumerID = consumer
    timestamp = time
    let signed = read.filter { $0.key != "oauth_signature" }.map { ($0.key, $0.value) } + call.query.items
    let pairs = signed.map { (PercentEncoding.strict($0), PercentEncoding.strict($1)) }.sorted { $0 < $1 }
    base = [call.method, Self.address(call), pairs.map { "\($0)=\($1)" }.joined(separator: "&")]
      .map(PercentEncoding.strict).joined(separator: "&")
  }

  /// The URL as it is signed: without query, and without a port that goes without saying.
  private static func address(_ call: Call) -> String {
    var base = call.baseURL.lowercased()
    for (scheme, port) in [("http://", ":80"), ("https://", ":443")]
    where base.hasPrefix(scheme) && base.hasSuffix(port) {
      base.removeLast(port.count)
    }
    return base + call.path
  }

  /// `OAuth realm="…", name="value", …`; nil where it is something else or says a name twice.
  private static func read(_ header: String) -> [String: String]? {
    guard header.prefix(6).lowercased() == "oauth " else { return nil }
    var read: [String: String] = [:]
    for part in header.dropFirst(6).split(separator: ",") {
      let halves = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard halves.count == 2,
        let name = halves[0].trimmingCharacters(in: .whitespaces).removingPercentEncoding,
        let value = halves[1].trimmingCharacters(in: .whitespaces).trimmingCharacters(in: ["\""])
          .removingPercentEncoding
      else { return nil }
      if name.lowercased() == "realm" { continue }
      guard read.updateValue(value, forKey: name) == nil else { return nil }
    }
    return read
  }

  /// Whether both secrets made the signature, and not long ago.
  func isSigned(
    consumer: Secret<String>, token: Secret<String>? = nil, at now: Timestamp, within seconds: Double
  ) -> Bool {
    guard abs(now.seconds(since: moment)) <= seconds,
      let given = parameters["oauth_signature"].flatMap({ Data(base64Encoded: $0) })
    else { return false }
    let key = SymmetricKey(
      data: Array(
        (PercentEncoding.strict(consumer.reveal()) + "&" + PercentEncoding.strict(token?.reveal() ?? "")).utf8))
    let text = Array(base.utf8)
    return switch parameters["oauth_signature_method"] {
    case "HMAC-SHA1": HMAC<Insecure.SHA1>.isValidAuthenticationCode(given, authenticating: text, using: key)
    case "HMAC-SHA256": HMAC<SHA256>.isValidAuthenticationCode(given, authenticating: text, using: key)
    // Others either show the secret (PLAINTEXT) or need keys that consumers do not have.
    default: false
    }
  }

  /// When it says it was signed.
  var moment: Timestamp { Timestamp(microseconds: Int64(min(timestamp, 100_000_000_000)) * 1_000_000) }

  /// Names the request: nobody may send it twice.
  var digest: String {
    let members = [consumerID, token ?? "", String(timestamp), parameters["oauth_nonce"] ?? ""]
    return SignedRequest.hex(SHA256.hash(data: Array(members.map(PercentEncoding.strict).joined(separator: "&").utf8)))
  }
}
