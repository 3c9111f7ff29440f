import Auth
import Contracts
import Kit
import Store

/// The story of one image: what is asked of it, its bytes, and who stands on them.
enum ImageStory {
  static let kind = "image"

  static func mentions(
    _ tx: Transaction, _ which: SQL, for principal: Principal, limit: Int, what: String = "image"
  ) throws -> [Mention] {
    let conditions: [SQL] = [which] + [ImageTable.visible(to: principal)].compactMap { $0 }
    return try tx.query(
      "SELECT id, name, owner FROM image i \(SQL.whereAll(conditions)) ORDER BY created_at, id LIMIT \(limit)"
    ) { Mention(.init(kind, $0.text(0)), name: $0.textOrNil(1) ?? "", projectID: $0.text(2), what: what) }
  }

  static func tell(_ tx: Transaction, _ image: Image, for principal: Principal) throws -> Story {
    let isOwn = principal.isAdmin || image.owner == principal.projectID
    var story = Story(
      Mention(.init(kind, image.id), name: image.name ?? "", projectID: image.owner, what: kind),
      status: image.status.rawValue, isOwn: isOwn)
    story.asked = [.init("visibility", image.visibility.rawValue)]
    if let format = image.diskFormat { story.asked.append(.init("disk format", format.rawValue)) }
    if image.protected { story.asked.append(.init("protected", "yes")) }
    if image.minDisk > 0 { story.asked.append(.init("least disk", "\(image.minDisk) GiB")) }
    if image.minRAM > 0 { story.asked.append(.init("least memory", "\(image.minRAM) MiB")) }
    story.asker = .init(userID: nil, requestID: nil, at: image.createdAt)
    if let content = image.content {
      story.observed = [
        .init("bytes", "\(content.size), SHA-256 \(content.digest)"), .init("found format", content.format.rawValue),
        .init("disk inside", "\(content.virtualSize >> 20) MiB"),
      ]
      if isOwn {
        let pins = try tx.count("SELECT count(*) FROM blob_pin WHERE digest = \(content.digest)")
        story.observed.append(.init("stood on by", "\(pins) servers"))
      }
    }
    switch image.status {
    case .queued:
      story.missing = [.init(what: "NoBytes", why: "No bytes were uploaded.", since: image.updatedAt)]
      story.next = ["Upload them: openstack image stage or image create --file. Nothing boots from it before."]
    case .saving:
      story.missing = [.init(what: "Uploading", why: "An upload goes on.", since: image.updatedAt)]
      story.next = ["It becomes active when the upload is complete, and queued again if it breaks off."]
    case .deactivated:
      story.missing = [
        .init(what: "Deactivated", why: "It was taken out of use: nothing boots from it.", since: image.updatedAt)
      ]
      story.next = ["To use it again: openstack image set --activate \(image.id)"]
    case .active: break
    }
    return story
  }
}
