import API
import Auth
import Kit
import Store

/// A project's tags.
struct ProjectTagRoutes: Sendable {
  let core: IdentityCore

  var routes: [Route] {
    let list = "/v3/projects/{project_id}/tags"
    let one = "/v3/projects/{project_id}/tags/{tag}"
    let reads = IdentityPolicy.adminOrSystemReaderOrDomainReaderOrProject
    let changes = IdentityPolicy.adminOrDomainManager
    return [
      Route(.get, list, .identity("list_project_tags", reads), query: .unread) { call in
        tags(call, try await project(call).tags)
      },
      Route(.put, list, .identity("update_project_tags", changes), query: .unread, body: .needed(.projectTags)) {
        try await replace($0)
      },
      Route(.delete, list, .identity("delete_project_tags", changes), query: .unread) { call in
        try await change(call) { tx, project in try ProjectTable.setTags(tx, project.id, []) }
        return .done
      },
      Route(.get, one, .identity("get_project_tag", reads), query: .unread) { call in
        let tag = try call.parameter("tag")
        guard try await project(call).tags.contains(tag) else { throw Fault.noSuch("project tag", tag) }
        return .done
      },
      Route(.put, one, .identity("create_project_tag", changes), query: .unread) { try await add($0) },
      Route(.delete, one, .identity("delete_project_tag", changes), query: .unread) { call in
        let tag = try call.parameter("tag")
        try await change(call) { tx, project in
          guard try ProjectTable.removeTag(tx, project.id, tag) else { throw Fault.noSuch("project tag", tag) }
        }
        return .done
      },
    ]
  }

  private func tags(_ call: Call, _ tags: [String]) -> Reply {
    Reply.json {
      $0.field("tags", tags) { $0.value($1) }
      $0.links(call.baseURL + call.path)
    }
  }

  private func replace(_ call: Call) async throws -> Reply {
    let fields = try call.body()
    guard let tags = try fields.tags() else { throw fields.invalid("tags", "it is required") }
    try fields.finish()
    try await change(call) { tx, project in try ProjectTable.setTags(tx, project.id, tags) }
    return self.tags(call, Set(tags).sorted())
  }

  /// A tag that is there already is refused, as in Keystone.
  private func add(_ call: Call) async throws -> Reply {
    let asked = try call.parameter("tag")
    guard JSONFields.isTag(asked) else { throw Fault.badRequest("\(asked.quoted) is no tag.") }
    let tag = JSONFields.stripped(asked)
    try await change(call) { tx, project in
      guard project.tags.count < JSONFields.tagsMax else {
        throw Fault.badRequest("A project has \(JSONFields.tagsMax) tags at most.")
      }
      guard !project.tags.contains(tag) else { throw Fault.badRequest("The project has the tag \(tag.quoted).") }
      try ProjectTable.addTag(tx, project.id, tag)
    }
    return Reply(status: 201, headers: [("Location", call.baseURL + call.path)])
  }

  private func project(_ call: Call) async throws -> Project {
    let id = try call.parameter("project_id")
    let found = try await core.store.read { tx in try ProjectTable.find(tx, id) }
    try call.require(on: found?.policyTarget)
    guard let found else { throw Fault.noSuch("project", id) }
    return found
  }

  private func change(_ call: Call, _ body: @escaping @Sendable (Transaction, Project) throws -> Void) async throws {
    let id = try call.parameter("project_id")
    try await core.store.write { tx in
      let project = try ProjectTable.find(tx, id)
      try call.require(on: project?.policyTarget)
      guard let project else { throw Fault.noSuch("project", id) }
      guard !project.isImmutable else { throw Fault.forbidden("The project is immutable.") }
      try body(tx, project)
      try tx.change("project", project.id)
    }
  }
}
