import API
import Auth
import Kit
import Store

/// `/v2/images/{id}/members`: the projects an image is shared with.
struct ImageMemberRoutes: Sendable {
  let store: any Store

  var routes: [Route] {
    let members = "/v2/images/{image_id}/members"
    return [
      Route(.post, members, ImagePermissions.addMember, query: .unread, body: .needed(.newMember)) {
        try await add($0)
      },
      Route(.get, members, ImagePermissions.getMembers, query: .unread) { try await list($0) },
      Route(.get, members + "/{member_id}", ImagePermissions.getMembers, query: .unread) { try await show($0) },
      Route(.put, members + "/{member_id}", ImagePermissions.modifyMember, query: .unread, body: .needed(.memberStatus))
      { try await update($0) },
      Route(.delete, members + "/{member_id}", ImagePermissions.deleteMember, query: .unread) { try await delete($0) },
    ]
  }

  private func add(_ call: Call) async throws -> Reply {
    let (id, caller) = (try call.parameter("image_id"), try call.principal())
    let body = try call.body()
    let memberID = try body.string("member", 1...255)
    let member = try await store.write { tx -> ImageMember in
      let image = try ImageRules.own(tx, id, caller)
      try Self.checkShared(image)
      let members = try ImageMemberTable.list(tx, imageID: id)
      guard !members.contains(where: { $0.memberID == memberID }) else {
        throw Fault.conflict("The image is shared with \(memberID.quoted) already.")
      }
      guard members.count < Image.membersMax else {
        throw Fault(413, "An image has at most \(Image.membersMax) members.")
      }
      let now = Timestamp.now()
      let member = ImageMember(imageID: id, memberID: memberID, status: .pending, createdAt: now, updatedAt: now)
      try ImageMemberTable.insert(tx, member)
      return member
    }
    return .value { $0.member(member) }
  }

  private func list(_ call: Call) async throws -> Reply {
    let (id, caller) = (try call.parameter("image_id"), try call.principal())
    let members = try await store.read { tx -> [ImageMember] in
      let image = try ImageRules.visible(tx, id, caller)
      try Self.checkShared(image)
      return try ImageMemberTable.list(tx, imageID: id, only: Self.sees(image, caller) ? nil : caller.projectID ?? "")
    }
    return .json { json in
      json.field("members", members) { $0.member($1) }
      json.field("schema", "/v2/schemas/members")
    }
  }

  private func show(_ call: Call) async throws -> Reply {
    let (id, caller) = (try call.parameter("image_id"), try call.principal())
    let memberID = try call.parameter("member_id")
    let member = try await store.read { try Self.find($0, id, memberID, caller) }
    return .value { $0.member(member) }
  }

  /// Only the member itself says whether it takes the image.
  private func update(_ call: Call) async throws -> Reply {
    let (id, caller) = (try call.parameter("image_id"), try call.principal())
    let memberID = try call.parameter("member_id")
    let body = try call.body()
    let text = try body.string("status")
    guard let status = ImageMember.Status(rawValue: text) else {
      throw body.invalid("status", "\(text.quoted) is none of pending, accepted, rejected")
    }
    let member = try await store.write { tx -> ImageMember in
      var member = try Self.find(tx, id, memberID, caller)
      guard caller.isAdmin || caller.projectID == memberID else {
        throw Fault.forbidden("Only the member itself can accept or reject an image.")
      }
      member.status = status
      member.updatedAt = .now()
      try ImageMemberTable.setStatus(tx, member)
      return member
    }
    return .value { $0.member(member) }
  }

  private func delete(_ call: Call) async throws -> Reply {
    let (id, caller) = (try call.parameter("image_id"), try call.principal())
    let memberID = try call.parameter("member_id")
    try await store.write { tx in
      try Self.checkShared(try ImageRules.own(tx, id, caller))
      guard try ImageMemberTable.delete(tx, imageID: id, memberID: memberID) else { throw Self.missing(memberID) }
    }
    return .noContent
  }

  private static func find(
    _ tx: Transaction, _ imageID: String, _ memberID: String, _ caller: Principal
  ) throws -> ImageMember {
    let image = try ImageRules.visible(tx, imageID, caller)
    guard sees(image, caller) || memberID == caller.projectID,
      let member = try ImageMemberTable.list(tx, imageID: imageID, only: memberID).first
    else { throw missing(memberID) }
    return member
  }

  /// Whether the caller sees all members, not just themselves.
  private static func sees(_ image: Image, _ caller: Principal) -> Bool {
    caller.isAdmin || caller.projectID == image.owner
  }

  private static func checkShared(_ image: Image) throws {
    guard image.visibility == .shared else {
      throw Fault.forbidden("Only an image with visibility shared has members.")
    }
  }

  private static func missing(_ memberID: String) -> Fault {
    Fault.notFound("The image is not shared with \(memberID.quoted).")
  }
}
