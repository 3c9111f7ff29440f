import API
import Kit

/// `/resource_classes` and `/traits`: the words the ledger knows.
struct ClassRoutes: Sendable {
  var routes: [Route] {
    [
      Route(
        .get, "/resource_classes", since: Microversion(1, 2), PlacementVersions.permission("resource_classes:list")
      ) { call in
        PlacementVersions.answer(call) { json in
          json.field("resource_classes", ResourceClass.allCases) { json, resource in
            json.object { Self.classFields(&$0, resource) }
          }
        }
      },
      Route(
        .get, "/resource_classes/{name}", since: Microversion(1, 2),
        PlacementVersions.permission("resource_classes:show")
      ) { call in
        let name = try call.parameter("name")
        guard let resource = ResourceClass(rawValue: name) else {
          throw Fault.notFound("There is no resource class \(name.quoted).")
        }
        return PlacementVersions.answer(call) { Self.classFields(&$0, resource) }
      },
      Route(.get, "/traits", since: Microversion(1, 6), PlacementVersions.permission("traits:list")) { call in
        PlacementVersions.answer(call) { $0.field("traits", [ResourceProvider.disabledTrait]) }
      },
      Route(.get, "/traits/{name}", since: Microversion(1, 6), PlacementVersions.permission("traits:show")) { call in
        let name = try call.parameter("name")
        guard name == ResourceProvider.disabledTrait else { throw Fault.notFound("There is no trait \(name.quoted).") }
        return Reply(status: 204)
      },
    ]
  }

  private static func classFields(_ json: inout JSONWriter, _ resource: ResourceClass) {
    json.field("name", resource.rawValue)
    json.field("links", ["/placement/resource_classes/\(resource.rawValue)"]) { json, href in
      json.object {
        $0.field("rel", "self")
        $0.field("href", href)
      }
    }
  }
}
