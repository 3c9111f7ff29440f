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
    return [
      Route(.get, list, Permission("identity:list_project_tags", .authenticated), query: .unread) { call in
        tags(call, try await project(call).tags)
      },
      Route(.put, list, Permission("identity:update_project_tags", .admin), query: .unread, body: .needed(.projectTags))
      { call in
        let fields = try call.body()
        guard let tags = try fields.tags() else { throw fields.invalid("tags", "it is required") }
        try fields.finish()
        try await change(call) { tx, id in try ProjectTable.setTags(tx, id, tags) }
        return self.tags(call, tags.sorted())
      },
      Route(.delete, list, Permission("identity:delete_project_tags", .admin), query: .unread) { call in
        try await change(call) { tx, id in try ProjectTable.setTags(tx, id, []) }
        return .done
      },
      Route(.get, one, Permission("identity:get_project_tag", .authenticated), query: .unread) { call in
        let tag = try call.parameter("tag")
        guard try await project(call).tags.contains(tag) else { throw Fault.noSuch("project tag", tag) }
        return .done
      },
      Route(.put, one, Permission("identity:create_project_tag", .admin), query: .unread) { call in
        let tag = try call.parameter("tag")
        guard JSONFields.isTag(tag) else { throw Fault.badRequest("\(tag.quoted) is no tag.") }
        guard try await project(call).tags.count < 80 else { throw Fault.badRequest("A project has 80 tags at most.") }
        try await change(call) { tx, id in try ProjectTable.addTag(tx, id, tag) }
        return Reply(status: 201, headers: [("Location", call.baseURL + call.path)])
      },
      Route(.delete, one, Permission("identity:delete_project_tag", .admin), query: .unread) { call in
        let tag = try call.parameter("tag")
        try await change(call) { tx, id in
          guard try ProjectTable.removeTag(tx, id, tag) else { throw Fault.noSuch("project tag", tag) }
        }
        return .done
      },
    ]
  }

  private func tags(_ call: Call, _ tags: [String]) -> Reply {
    call.list("tags", tags) { $0.value($1) }
  }

  private func project(_ call: Call) async throws -> Project {
    let id = try call.parameter("project_id")
    guard try call.mayRead || call.principal().projectID == id else {
      throw Fault.forbidden("Policy doesn't allow this project's tags to be seen.")
    }
    let found = try await core.store.read { tx in try ProjectTable.project(tx, id) }
    guard let found else { throw Fault.noSuch("project", id) }
    return found
  }

  private func change(_ call: Call, _ body: @escaping @Sendable (Transaction, String) throws -> Void) async throws {
    let id = try call.parameter("project_id")
    try await core.store.write { tx in
      guard let project = try ProjectTable.project(tx, id) else { throw Fault.noSuch("project", id) }
      guard !project.isImmutable else { throw Fault.forbidden("The project is immutable.") }
      try body(tx, id)
    }
  }
}
