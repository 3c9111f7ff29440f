import API
import Auth
import Kit
import Store

/// Tags of one kind of resource. A resource's tags are its project's alone, even where others may see it.
struct TagRoutes<R: StoredResource>: Sendable {
  static var tagsMax: Int { 50 }
  static var lengthMax: Int { 255 }

  let networks: NetworksService

  var routes: [Route] {
    let path = "/v2.0/" + R.plural.replacing("_", with: "-") + "/{id}/tags"
    let names = R.plural + "_tags"
    return [
      Route(.get, path, Permission("get_\(names)", .projectReader), query: .unread, list),
      Route(
        .put, path, Permission("update_\(names)", .projectMember), query: .unread, body: .needed(.tagList), replace),
      Route(.delete, path, Permission("delete_\(names)", .projectMember), query: .unread, clear),
      Route(.get, path + "/{tag}", Permission("get_\(names)", .projectReader), query: .unread, check),
      Route(.put, path + "/{tag}", Permission("update_\(names)", .projectMember), query: .unread, add),
      Route(.delete, path + "/{tag}", Permission("delete_\(names)", .projectMember), query: .unread, remove),
    ]
  }

  private static func need(_ tx: Transaction, _ id: String, _ scope: Scope) throws -> R {
    let record = try tx.need(R.self, id: id, in: scope)
    guard scope.owns(record.standard) else { throw R.notFound(id) }
    return record
  }

  private static func checked(_ tag: String) throws -> String {
    guard (1...lengthMax).contains(tag.count), !tag.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }),
      !tag.contains(",")
    else {
      throw Fault.badRequest(
        "Invalid input for tags: \(tag.quoted) must have 1 to \(lengthMax) characters, no commas or controls.",
        type: "HTTPBadRequest")
    }
    return tag
  }

  private static func missing(_ tag: String) -> Fault {
    .notFound("Tag \(tag.quoted) could not be found.", type: "TagNotFound")
  }

  /// Has exactly these tags on the resource.
  private static func store(_ change: Change, _ record: R, _ tags: Set<String>) throws {
    guard tags.count <= tagsMax else {
      throw Fault.badRequest("A resource has at most \(tagsMax) tags.", type: "HTTPBadRequest")
    }
    if tags == Set(record.standard.tags) { return }
    try change.tx.execute("DELETE FROM network_tag WHERE resource_id = \(record.id)")
    for tag in tags.sorted() {
      try change.tx.execute("INSERT INTO network_tag (resource_id, tag) VALUES (\(record.id), \(tag))")
    }
    try change.tx.touch(R.self, id: record.id)
  }

  private func edit(_ call: Call, _ body: @escaping @Sendable (inout Set<String>) throws -> Void) async throws
    -> [String]
  {
    let id = try call.resourceID("id")
    let scope = Scope(try call.principal())
    return try await networks.write(call) { change in
      let record = try Self.need(change.tx, id, scope)
      var tags = Set(record.standard.tags)
      try body(&tags)
      try Self.store(change, record, tags)
      return tags.sorted()
    }
  }

  private func list(_ call: Call) async throws -> Reply {
    let id = try call.resourceID("id")
    let scope = Scope(try call.principal())
    let record = try await networks.store.read { try Self.need($0, id, scope) }
    return .json { $0.field("tags", record.standard.tags) }
  }

  private func check(_ call: Call) async throws -> Reply {
    let id = try call.resourceID("id")
    let tag = try call.parameter("tag")
    let scope = Scope(try call.principal())
    let record = try await networks.store.read { try Self.need($0, id, scope) }
    guard record.standard.tags.contains(tag) else { throw Self.missing(tag) }
    return Reply(status: 204)
  }

  private func replace(_ call: Call) async throws -> Reply {
    let fields = try call.body()
    guard let asked = try fields.optionalStrings("tags") else { throw fields.invalid("tags", "it is required") }
    let wanted = Set(try asked.map(Self.checked))
    let tags = try await edit(call) { $0 = wanted }
    return .json { $0.field("tags", tags) }
  }

  private func clear(_ call: Call) async throws -> Reply {
    _ = try await edit(call) { $0 = [] }
    return Reply(status: 204)
  }

  private func add(_ call: Call) async throws -> Reply {
    let tag = try Self.checked(call.parameter("tag"))
    _ = try await edit(call) { $0.insert(tag) }
    return Reply(status: 201)
  }

  private func remove(_ call: Call) async throws -> Reply {
    let tag = try call.parameter("tag")
    _ = try await edit(call) { tags in
      guard tags.remove(tag) != nil else { throw Self.missing(tag) }
    }
    return Reply(status: 204)
  }
}
