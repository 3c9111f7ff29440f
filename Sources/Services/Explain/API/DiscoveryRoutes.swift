import API
import Auth
import Kit

/// What there is below `/haneul`.
enum DiscoveryRoutes {
  private static let resources = ["explain", "whatis", "drift", "drift/policies", "quarantine", "metrics"]

  static var routes: [Route] {
    let open = Permission("haneul:discovery", .open)
    return [Route(.get, "/", open, versions), Route(.get, "/v1", open, version)]
  }

  private static func versions(_ call: Call) async throws -> Reply {
    .json { json in
      json.field("versions", ["v1"]) { json, id in
        json.object {
          $0.field("id", id)
          $0.field("status", "CURRENT")
          $0.field("links", ["self"]) { json, rel in
            json.object {
              $0.field("rel", rel)
              $0.field("href", "\(call.baseURL)/haneul/\(id)")
            }
          }
        }
      }
    }
  }

  private static func version(_ call: Call) async throws -> Reply {
    .json { json in
      json.field("version") { json in
        json.field("id", "v1")
        json.field("status", "CURRENT")
        json.field("resources", resources.map { "\(call.baseURL)/haneul/v1/\($0)" })
      }
    }
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
