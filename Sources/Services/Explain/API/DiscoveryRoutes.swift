import API
import Auth

/// What there is below `/haneul`.
enum DiscoveryRoutes {
  private static let version = APIVersion(
    id: "v1", status: "CURRENT", path: "/v1",
    resources: ["explain", "whatis", "drift", "drift/policies", "quarantine", "metrics", "audit", "openapi"])

  static var routes: [Route] {
    let discovery = Discovery(prefix: "haneul", [version], Permission("haneul:discovery", .open))
    return [discovery.list(at: "/", status: 200), discovery.version(version, at: "/v1")]
  }
}

extension Call {
  /// Whether the client asks for plain text rather than JSON.
  var wantsText: Bool { header("Accept")?.lowercased().hasPrefix("text/plain") ?? false }
}

extension Reply {
  /// Plain text for people.
  static func text(_ text: String, type: String = "text/plain; charset=utf-8") -> Reply {
    Reply(status: 200, body: .bytes(Array(text.utf8), contentType: type))
  }
}
