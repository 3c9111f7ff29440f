import API
import Kit

/// What versions there are: `GET /compute` and `GET /compute/v2.1`.
struct DiscoveryRoutes {
  let versions: MicroversionRange

  var routes: [Route] {
    [
      Route(.get, "/", ComputePermissions.open) { call in
        .json { $0.field("versions", [versions]) { write(&$0, $1, call, detailed: false) } }
      },
      Route(.get, "/v2.1", ComputePermissions.open) { call in
        .json { json in
          json.key("version")
          write(&json, versions, call, detailed: true)
        }
      },
    ]
  }

  private func write(_ json: inout JSONWriter, _ versions: MicroversionRange, _ call: Call, detailed: Bool) {
    json.object {
      $0.field("id", "v2.1")
      $0.field("status", "CURRENT")
      $0.field("version", versions.maximum.description)
      $0.field("min_version", versions.minimum.description)
      $0.field("updated", "2013-07-23T11:33:21Z")
      $0.field("links", ["\(call.root)/"]) { json, href in
        json.object {
          $0.field("rel", "self")
          $0.field("href", href)
        }
      }
      guard detailed else { return }
      $0.field("media-types", ["application/vnd.openstack.compute+json;version=2.1"]) { json, type in
        json.object {
          $0.field("base", "application/json")
          $0.field("type", type)
        }
      }
    }
  }
}
