import API
import Auth
import Kit
import Store

/// The five routes that every resource has. What is special to one is its three closures.
struct ResourceRoutes<R: DeclaredResource>: Sendable {
  /// Resources created by one request at the most.
  static var bulkMax: Int { 100 }

  let networks: NetworksService
  /// Whether a project gets its default security group when it first lists or creates these.
  var needsDefaultGroup = false
  /// Builds the resource from its body and stores it.
  let create: @Sendable (Change, Call, JSONFields, _ projectID: String) throws -> R
  /// Changes the resource as its body says and stores what stands in other tables; its row is saved by the caller.
  /// nil: there is no update.
  let update: (@Sendable (Change, Call, inout R, JSONFields) throws -> Void)?
  let delete: @Sendable (Change, Call, R) throws -> Void
  /// Who else than the owner may delete.
  var mayDelete: @Sendable (Transaction, Scope, R) throws -> Bool = { _, scope, record in scope.owns(record.standard) }
  /// Who else than the owner may update.
  var mayUpdate: @Sendable (Transaction, Scope, R) throws -> Bool = { _, scope, record in scope.owns(record.standard) }

  var routes: [Route] {
    let path = "/v2.0/" + R.plural.replacing("_", with: "-")
    let read = Permission("get_\(R.singular)", .projectReader)
    let create = Permission("create_\(R.singular)", .projectMember)
    let (lists, made) = (R.listQuery, R.newBody)
    var routes = [
      Route(.get, path, read, query: lists, list), Route(.get, path + ".json", read, query: lists, list),
      Route(.get, path + "/{id}", read, query: R.showQuery, show),
      Route(.post, path, create, query: .unread, body: made, post),
      Route(.post, path + ".json", create, query: .unread, body: made, post),
      Route(.delete, path + "/{id}", Permission("delete_\(R.singular)", .projectMember), query: .unread, remove),
    ]
    if update != nil {
      routes.append(
        Route(
          .put, path + "/{id}", Permission("update_\(R.singular)", .projectMember), query: .unread,
          body: R.changedBody, put))
    }
    return routes
  }

  private func list(_ call: Call) async throws -> Reply {
    let list = ResourceList<R>(
      store: networks.store, needsGroupOf: needsDefaultGroup ? try call.principal().projectID : nil)
    do {
      return try await list.reply(call)
    } catch let missing as NoDefaultGroup {
      _ = try await networks.write(call) { try $0.defaultGroup(missing.projectID) }
      return try await list.reply(call)
    }
  }

  private func show(_ call: Call) async throws -> Reply {
    let id = try call.resourceID("id")
    let scope = Scope(try call.principal())
    let wanted = call.query.all("fields").filter { !$0.isEmpty }
    let record = try await networks.store.read { try $0.need(R.self, id: id, in: scope) }
    return Self.reply(200, record, scope, wanted: wanted.isEmpty ? nil : Set(wanted))
  }

  private static func reply(_ status: Int, _ record: R, _ scope: Scope, wanted: Set<String>? = nil) -> Reply {
    var writer = ResourceWriter(wanted: wanted, admin: scope.isAdmin)
    writer.json.beginObject()
    writer.json.key(R.singular)
    writer.resource(record)
    writer.json.endObject()
    return .json(status, bytes: writer.json.bytes)
  }

  /// One, or many at once: all of them or none.
  private func post(_ call: Call) async throws -> Reply {
    let scope = Scope(try call.principal())
    let body = try call.body()
    guard body.has(R.plural) else {
      let record = try await networks.write(call) { change in
        let made = try make(change, call, try call.object(R.singular))
        return try change.tx.need(R.self, id: made.id)
      }
      return Self.reply(201, record, scope)
    }
    let records = try await networks.write(call) { change in
      let body = try call.body()
      guard let bodies = try body.optionalObjects(R.plural, countMax: Self.bulkMax), !bodies.isEmpty else {
        throw body.invalid(R.plural, "at least one is needed")
      }
      let made = try bodies.map { try make(change, call, $0) }
      return try made.map { try change.tx.need(R.self, id: $0.id) }
    }
    var writer = ResourceWriter(admin: scope.isAdmin)
    writer.json.beginObject()
    writer.json.key(R.plural)
    writer.json.beginArray()
    for record in records {
      writer.json.element()
      writer.resource(record)
    }
    writer.json.endArray()
    writer.json.endObject()
    return .json(201, bytes: writer.json.bytes)
  }

  private func make(_ change: Change, _ call: Call, _ fields: JSONFields) throws -> R {
    let projectID = try call.projectForNew(fields)
    if needsDefaultGroup { _ = try change.defaultGroup(projectID) }
    let record = try create(change, call, fields, projectID)
    if R.hasQuota { try change.checkQuota(R.self, projectID: record.standard.projectID) }
    return record
  }

  private func put(_ call: Call) async throws -> Reply {
    let id = try call.resourceID("id")
    let scope = Scope(try call.principal())
    guard let update else { throw Fault.notFound("The resource could not be found.") }
    let record = try await networks.write(call) { change in
      var record = try change.tx.need(R.self, id: id, in: scope)
      guard try mayUpdate(change.tx, scope, record) else {
        throw Fault.forbidden("Policy doesn't allow update_\(R.singular) to be performed.")
      }
      try call.matchRevision(record)
      let fields = try call.object(R.singular)
      try record.standard.readNames(fields, named: R.hasName)
      try update(change, call, &record, fields)
      record.standard.revision += 1
      record.standard.updatedAt = .now()
      try change.tx.save(record)
      return try change.tx.need(R.self, id: id)
    }
    return Self.reply(200, record, scope)
  }

  private func remove(_ call: Call) async throws -> Reply {
    let id = try call.resourceID("id")
    let scope = Scope(try call.principal())
    try await networks.write(call) { change in
      let record = try change.tx.need(R.self, id: id, in: scope)
      guard try mayDelete(change.tx, scope, record) else {
        throw Fault.forbidden("Policy doesn't allow delete_\(R.singular) to be performed.")
      }
      try call.matchRevision(record)
      try delete(change, call, record)
    }
    return Reply(status: 204)
  }
}

extension StandardAttributes {
  /// Takes over `name` and `description`; null leaves what is there.
  mutating func readNames(_ fields: JSONFields, named: Bool = true) throws {
    if named, let name = try fields.optionalString("name") { self.name = name }
    if let description = try fields.optionalString("description") { self.description = description }
  }
}

extension Call {
  /// An id in the path, without the `.json` that old clients add.
  func resourceID(_ name: String) throws -> String {
    let id = try parameter(name)
    return id.hasSuffix(".json") ? String(id.dropLast(5)) : id
  }

  /// Whose a new resource is: the caller's project, or the one an administrator names. Throws `Fault` 400, 403.
  func projectForNew(_ fields: JSONFields) throws -> String {
    let principal = try principal()
    let one = try fields.optionalString("project_id", 1...255)
    let other = try fields.optionalString("tenant_id", 1...255)
    if let one, let other, one != other {
      throw Fault.badRequest("'project_id' and 'tenant_id' do not match.", type: "HTTPBadRequest")
    }
    if let asked = one ?? other {
      guard principal.isAdmin || asked == principal.projectID else {
        throw Fault.forbidden("Policy doesn't allow creating resources for another project.")
      }
      return asked
    }
    guard let own = principal.projectID else {
      throw Fault.badRequest("Running without keystone AuthN requires that project_id is specified.")
    }
    return own
  }

  /// Obeys `If-Match: revision_number=N`. Throws `Fault` 412 where the resource is at another revision.
  func matchRevision<R: StoredResource>(_ record: R) throws {
    guard let match = header("If-Match") else { return }
    guard match.hasPrefix("revision_number="), let wanted = Int(match.dropFirst("revision_number=".count)) else {
      throw Fault.badRequest("If-Match must read revision_number=N.", type: "HTTPBadRequest")
    }
    guard wanted == record.standard.revision else {
      throw Fault(
        412, "Constrained to \(wanted), but current revision is \(record.standard.revision)",
        type: "RevisionNumberConstraintFailed")
    }
  }
}
