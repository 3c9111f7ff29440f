import Foundation

/// An issuer of tokens that an identity provider stands for.
///
/// It is what its operator set as remote id: the issuer as tokens name it, and behind `#` the audience that tokens must
/// be for: `https://login.example.org/realms/staff#openstack`. (No issuer has a `#` of its own: OpenID Connect
/// Discovery, section 4.3.) Without it, tokens must be for this cloud's own identity address.
struct TrustedIssuer: Sendable, Hashable {
  let issuer: String
  let audience: String?

  init(remoteID: String) {
    let parts = remoteID.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
    issuer = String(parts[0])
    audience = parts.count > 1 && !parts[1].isEmpty ? String(parts[1]) : nil
  }

  /// Where an issuer's keys may be asked for: by https, or on this host itself by http. Nothing else is ever asked, so
  /// neither a token nor an issuer leads us elsewhere.
  static func address(_ text: String, below issuer: String? = nil) -> URL? {
    guard let parts = URLComponents(string: text), let host = parts.host, !host.isEmpty, parts.user == nil,
      parts.password == nil, parts.fragment == nil
    else { return nil }
    switch parts.scheme?.lowercased() {
    case "https": return parts.url
    case "http":
      guard isLoopback(host), issuer.map({ URLComponents(string: $0)?.host.map(isLoopback) ?? false }) ?? true else {
        return nil
      }
      return parts.url
    default: return nil
    }
  }

  private static func isLoopback(_ host: String) -> Bool {
    ["127.0.0.1", "localhost", "::1", "[::1]"].contains(host.lowercased())
  }
}
