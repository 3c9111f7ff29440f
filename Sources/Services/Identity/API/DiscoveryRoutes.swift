import API
import Auth
import Kit

/// What versions there are, and where everything is: open to everybody, with links as the client reached us.
struct DiscoveryRoutes: Sendable {
  private let home: JSONHome

  /// `others` are the service's other routes.
  init(others: [Route]) { home = JSONHome(servedAt: others.map(\.path)) }

  var routes: [Route] {
    let permission = Permission("identity:discovery", .open)
    return [
      // The list of versions asks the client to choose, though there is only one.
      Route(.get, "/", permission, query: .unread) { call in
        if call.prefersJSONHome { return home.reply(prefix: "/v3") }
        return Reply.json(300, headers: [("Location", call.link("/"))]) { json in
          json.field("versions") { $0.field("values", [call]) { $0.version($1) } }
        }
      },
      Route(.get, "/v3", permission, query: .unread) { call in
        if call.prefersJSONHome { return home.reply(prefix: "") }
        return Reply.json {
          $0.key("version")
          $0.version(call)
        }
      },
    ]
  }
}

extension JSONWriter {
  /// The version, v3.14, as `call` reached it.
  fileprivate mutating func version(_ call: Call) {
    object { json in
      json.field("id", "v3.14")
      json.field("status", "stable")
      json.field("updated", "2020-04-07T00:00:00Z")
      json.field("links", [call.link("/")]) { json, href in
        json.object {
          $0.field("rel", "self")
          $0.field("href", href)
        }
      }
      json.field("media-types", ["application/vnd.openstack.identity-v3+json"]) { json, type in
        json.object {
          $0.field("base", "application/json")
          $0.field("type", type)
        }
      }
    }
  }
}
