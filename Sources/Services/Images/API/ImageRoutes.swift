import API
import Auth
import Foundation
import Kit
import Store

/// `/v2/images`: create, list, show, change, delete; tags; taking out of use.
struct ImageRoutes: Sendable {
  let store: any Store
  let blobs: BlobStore

  var routes: [Route] {
    [
      Route(.post, "/v2/images", ImagePermissions.add, query: .unread, body: .needed(.image)) { try await create($0) },
      Route(.get, "/v2/images", ImagePermissions.list, query: .images) { try await list($0) },
      Route(.get, "/v2/images/{image_id}", ImagePermissions.show, query: .unread) { try await show($0) },
      Route(.patch, "/v2/images/{image_id}", ImagePermissions.modify, query: .unread, body: .needed(.imageChanges)) {
        try await update($0)
      },
      Route(.delete, "/v2/images/{image_id}", ImagePermissions.delete, query: .unread) { try await delete($0) },
      Route(.put, "/v2/images/{image_id}/tags/{tag}", ImagePermissions.modify, query: .unread) {
        try await setTag($0, true)
      },
      Route(.delete, "/v2/images/{image_id}/tags/{tag}", ImagePermissions.modify, query: .unread) {
        try await setTag($0, false)
      },
      Route(.post, "/v2/images/{image_id}/actions/deactivate", ImagePermissions.deactivate, query: .unread) {
        try await setActive($0, false)
      },
      Route(.post, "/v2/images/{image_id}/actions/reactivate", ImagePermissions.reactivate, query: .unread) {
        try await setActive($0, true)
      },
    ]
  }

  private func create(_ call: Call) async throws -> Reply {
    let caller = try call.principal()
    guard var members = call.json?.object else {
      throw Fault.badRequest("A JSON object is needed as the request's body.")
    }
    let fields = JSONFields(members, path: "")
    let id = try fields.optionalUUID("id") ?? Identifier.uuid()
    members["id"] = nil
    let owner = try caller.projectID ?? fields.string("owner", 1...255)
    var image = Image(id: id, owner: owner, at: .now())
    for (name, value) in members.sorted(by: { $0.key < $1.key }) {
      try ImageAttributes.set(name, value, on: &image, by: caller)
    }
    let made = image
    try await store.write { try ImageRules.create($0, made) }
    return .value(201, headers: [("Location", "\(call.baseURL)/image/v2/images/\(id)")]) { $0.image(made) }
  }

  private func list(_ call: Call) async throws -> Reply {
    let caller = try call.principal()
    let request = try ImageListRequest(call)
    let (images, next) = try await store.read { tx -> ([UInt8], String?) in
      if let marker = request.marker, try ImageTable.find(tx, id: marker, for: caller) == nil {
        throw Fault.badRequest("The marker \(marker.quoted) is no image.")
      }
      var images = try ImageTable.select(tx, request.statement())
      var next: String?
      if images.count > request.limit {
        images.removeLast()
        next = images.last?.id
      }
      return (JSONWriter.elements(images) { $0.image($1) }, next)
    }
    return .json { json in
      json.field("images", raw: "[" + String(decoding: images, as: UTF8.self) + "]")
      json.field("first", Self.address(call.query, marker: nil))
      if let next { json.field("next", Self.address(call.query, marker: next)) }
      json.field("schema", "/v2/schemas/images")
    }
  }

  /// The list's own address with every filter kept, from the service's root on, as clients expect it of Glance.
  private static func address(_ query: Query, marker: String?) -> String {
    let kept = query.items.filter { $0.name != "marker" } + (marker.map { [("marker", $0)] } ?? [])
    if kept.isEmpty { return "/v2/images" }
    let plain = CharacterSet(charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~")
    func encode(_ text: String) -> String { text.addingPercentEncoding(withAllowedCharacters: plain) ?? "" }
    return "/v2/images?" + kept.map { encode($0.name) + "=" + encode($0.value) }.joined(separator: "&")
  }

  private func show(_ call: Call) async throws -> Reply {
    let (id, caller) = (try call.parameter("image_id"), try call.principal())
    let image = try await store.read { try ImageRules.visible($0, id, caller) }
    return .value { $0.image(image) }
  }

  private func update(_ call: Call) async throws -> Reply {
    let (id, caller) = (try call.parameter("image_id"), try call.principal())
    let changes = try ImageChange.list(contentType: call.header("Content-Type"), call.json)
    let image = try await store.write { tx -> Image in
      var image = try ImageRules.own(tx, id, caller)
      for change in changes { try change.apply(to: &image, by: caller) }
      if changes.isEmpty { return image }
      image.updatedAt = .now()
      try ImageTable.update(tx, image)
      return image
    }
    return .value { $0.image(image) }
  }

  private func delete(_ call: Call) async throws -> Reply {
    let (id, caller) = (try call.parameter("image_id"), try call.principal())
    let file = try await store.write { try ImageRules.delete($0, id, caller) }
    if let file { await blobs.remove([file]) }
    return .noContent
  }

  private func setTag(_ call: Call, _ present: Bool) async throws -> Reply {
    let (id, tag, caller) = (try call.parameter("image_id"), try call.parameter("tag"), try call.principal())
    try await store.write { try ImageRules.setTag($0, id, tag, present: present, caller) }
    return .noContent
  }

  private func setActive(_ call: Call, _ active: Bool) async throws -> Reply {
    let (id, caller) = (try call.parameter("image_id"), try call.principal())
    try await store.write { try ImageRules.setActive($0, id, active, caller) }
    return .noContent
  }
}
