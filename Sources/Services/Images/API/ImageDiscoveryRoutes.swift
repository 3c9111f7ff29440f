import API
import Kit

/// The versions, schemas and facts of the image API.
struct ImageDiscoveryRoutes: Sendable {
  /// The versions a Glance with one store and no image cache has.
  static let versions = ["2.17", "2.15", "2.9", "2.7", "2.6", "2.5", "2.4", "2.3", "2.2", "2.1", "2.0"]

  private let discovery = Discovery(
    prefix: "image",
    versions.enumerated().map { place, number in
      APIVersion(id: "v" + number, status: place == 0 ? "CURRENT" : "SUPPORTED", path: "/v2/")
    }, ImagePermissions.discover)

  var routes: [Route] {
    [
      discovery.list(at: "/", status: 300), discovery.list(at: "/versions", status: 200),
      discovery.list(at: "/v2", status: 200),
      Route(.get, "/v2/schemas/{name}", ImagePermissions.schemas, query: .unread) { call in
        guard let schema = ImageSchemas.all[try call.parameter("name")] else {
          throw Fault.notFound("There is no such schema.")
        }
        return .value { $0.value(schema) }
      },
      Route(.get, "/v2/info/import", ImagePermissions.schemas, query: .unread) { _ in
        .json { json in
          json.field("import-methods") {
            $0.field("description", "Ways to import an image besides uploading it: none.")
            $0.field("type", "array")
            $0.field("value", [String]())
          }
        }
      },
      Route(.get, "/v2/info/stores", ImagePermissions.schemas, query: .unread) { _ in
        .json { json in
          json.field("stores", ["local"]) { json, id in
            json.object {
              $0.field("id", id)
              $0.field("description", "The cloud's own image store.")
              $0.field("default", "true")
            }
          }
        }
      },
    ]
  }
}
