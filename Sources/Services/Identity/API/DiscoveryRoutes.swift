import API
import Auth
import Kit

/// What versions there are: open to everybody, with links as the client reached us.
enum DiscoveryRoutes {
  static var routes: [Route] {
    let open = Permission("identity:discovery", .open)
    return [
      Route(.get, "/", open) { call in
        Reply.json(300) { json in
          json.field("versions") { $0.field("values", [call]) { json, call in json.object { version(&$0, call) } } }
        }
      },
      Route(.get, "/v3", open) { call in
        Reply.json { json in json.field("version") { version(&$0, call) } }
      },
    ]
  }

  private static func version(_ json: inout JSONWriter, _ call: Call) {
    json.field("id", "v3.14")
    json.field("status", "stable")
    json.field("updated", "2020-04-07T00:00:00Z")
    json.field("links", [call.link("/")]) { json, address in
      json.object {
        $0.field("rel", "self")
        $0.field("href", address)
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
