import API
import Kit

/// `/resource_classes` and `/traits`: the words the ledger knows.
struct ClassRoutes: Sendable {
  var routes: [Route] {
    [
      Route(
        .get, "/resource_classes", since: Microversion(1, 2), PlacementVersions.permission("resource_classes:list"),
        query: .unread
      ) { call in
        PlacementVersions.answer(call) { json in
          json.field("resource_classes", ResourceClass.allCases) { json, resource in
            json.object { Self.classFields(&$0, resource) }
          }
        }
      },
      Route(
        .get, "/resource_classes/{name}", since: Microversion(1, 2),
        PlacementVersions.permission("resource_classes:show"), query: .unread
      ) { call in
        let name = try call.parameter("name")
        guard let resource = ResourceClass(rawValue: name) else {
          throw Fault.notFound("There is no resource class \(name.quoted).")
        }
        return PlacementVersions.answer(call) { Self.classFields(&$0, resource) }
      },
      Route(
        .get, "/traits", since: Microversion(1, 6), PlacementVersions.permission("traits:list"),
        query: PlacementVersions.query(["name", .init("associated", .boolean)])
      ) { call in
        let traits = try [ResourceProvider.disabledTrait].filter { try Self.isAsked($0, call.query) }
        return PlacementVersions.answer(call) { $0.field("traits", traits) }
      },
      Route(
        .get, "/traits/{name}", since: Microversion(1, 6), PlacementVersions.permission("traits:show"), query: .unread
      ) { call in
        let name = try call.parameter("name")
        guard name == ResourceProvider.disabledTrait else { throw Fault.notFound("There is no trait \(name.quoted).") }
        return Reply(status: 204)
      },
    ]
  }

  /// Whether a list asks for a trait: by the beginning of its name or as one of several, and by being in use, which
  /// each of ours may be.
  private static func isAsked(_ trait: String, _ query: Query) throws -> Bool {
    if try query.bool("associated") == false { return false }
    guard let name = query["name"] else { return true }
    if name.hasPrefix("startswith:") { return trait.hasPrefix(name.dropFirst(11)) }
    if name.hasPrefix("in:") { return name.dropFirst(3).split(separator: ",").contains { $0 == trait } }
    throw Fault.badRequest("\(name.quoted) begins with neither in: nor startswith:.", type: "placement.query.bad_value")
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
