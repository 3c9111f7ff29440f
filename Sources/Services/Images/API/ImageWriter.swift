import API
import Kit

extension JSONWriter {
  /// An image as an object of its own.
  mutating func image(_ image: Image) {
    object { json in
      for (name, value) in image.properties.sorted(by: { $0.key < $1.key }) { json.field(name, value) }
      json.field("id", image.id)
      json.field("name", image.name)
      json.field("status", image.status.rawValue)
      json.field("visibility", image.visibility.rawValue)
      json.field("owner", image.owner)
      json.field("disk_format", image.diskFormat?.rawValue)
      json.field("container_format", image.containerFormat)
      json.field("min_disk", image.minDisk)
      json.field("min_ram", image.minRAM)
      json.field("protected", image.protected)
      json.field("os_hidden", image.hidden)
      json.field("size", image.content.map { Int($0.size) })
      json.field("virtual_size", image.content.map { Int($0.virtualSize) })
      json.field("checksum", image.content?.md5)
      json.field("os_hash_algo", image.content.map { _ in "sha512" })
      json.field("os_hash_value", image.content?.sha512)
      json.field("created_at", image.createdAt.iso8601)
      json.field("updated_at", image.updatedAt.iso8601)
      json.field("tags", image.tags)
      json.field("self", "/v2/images/\(image.id)")
      json.field("file", "/v2/images/\(image.id)/file")
      json.field("schema", "/v2/schemas/image")
    }
  }

  /// A member as an object of its own.
  mutating func member(_ member: ImageMember) {
    object { json in
      json.field("member_id", member.memberID)
      json.field("image_id", member.imageID)
      json.field("status", member.status.rawValue)
      json.field("created_at", member.createdAt.iso8601)
      json.field("updated_at", member.updatedAt.iso8601)
      json.field("schema", "/v2/schemas/member")
    }
  }
}

extension Reply {
  /// An answer that is one value.
  static func value(
    _ status: Int = 200, headers: [(name: String, value: String)] = [], _ build: (inout JSONWriter) -> Void
  ) -> Reply {
    var writer = JSONWriter()
    build(&writer)
    return Reply(status: status, headers: headers, body: .bytes(writer.bytes, contentType: "application/json"))
  }

  static var noContent: Reply { Reply(status: 204) }
}
