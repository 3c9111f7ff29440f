import API
import Auth
import Kit
import Store

/// `/v2/images/{id}/file`: the bytes, up and down.
struct ImageFileRoutes: Sendable {
  let store: any Store
  let blobs: BlobStore
  /// One for each upload under way.
  let slots: AsyncSlots

  var routes: [Route] {
    [
      Route(.put, "/v2/images/{image_id}/file", ImagePermissions.upload, query: .unread, body: .stream) {
        try await upload($0)
      },
      Route(.get, "/v2/images/{image_id}/file", ImagePermissions.download, query: .unread) { try await download($0) },
    ]
  }

  private func upload(_ call: Call) async throws -> Reply {
    let type = (call.header("Content-Type") ?? "").split(separator: ";").first.map { $0.lowercased() } ?? ""
    guard type.filter({ $0 != " " }) == "application/octet-stream" else {
      throw Fault(415, "Data is uploaded with the content type application/octet-stream.")
    }
    let (id, caller) = (try call.parameter("image_id"), try call.principal())
    let announced = call.header("X-OpenStack-Image-Size") ?? call.header("Content-Length")
    let expected = try announced.map { text -> Int64 in
      guard let size = Int64(text), size >= 0 else { throw Fault.badRequest("The announced size is no number.") }
      return size
    }
    let upload = ImageUpload(store: store, blobs: blobs)
    try await slots.use {
      try await upload.run(imageID: id, caller: caller, stream: call.stream, expected: expected)
    }
    return .noContent
  }

  private func download(_ call: Call) async throws -> Reply {
    let (id, caller) = (try call.parameter("image_id"), try call.principal())
    let image = try await store.read { try ImageRules.visible($0, id, caller) }
    guard image.status != .deactivated || caller.isAdmin else {
      throw Fault.forbidden("The image is deactivated.")
    }
    guard let content = image.content else { return .noContent }
    let range = try ByteRange.read(call.header("Range"), size: content.size)
    let reader = try BlobReader(path: try blobs.path(file: content.file))
    let part = range ?? 0..<content.size
    var headers = [("Accept-Ranges", "bytes")]
    if range != nil {
      headers.append(("Content-Range", "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(content.size)"))
    } else {
      headers.append(("Content-MD5", content.md5))
    }
    return Reply(
      status: range == nil ? 200 : 206, headers: headers,
      body: .stream(contentType: "application/octet-stream", length: part.count) { sink in
        try await reader.send(part, to: sink)
      })
  }
}

/// A part of a file as a `Range` header names it.
enum ByteRange {
  /// The bytes asked for, of `size`; nil where the whole is (no header, or none in bytes). Throws `Fault` 416
  /// where there are no such bytes, or several parts are asked for.
  static func read(_ header: String?, size: Int64) throws -> Range<Int64>? {
    guard let header, header.hasPrefix("bytes=") else { return nil }
    let ends = header.dropFirst("bytes=".count).split(separator: "-", omittingEmptySubsequences: false)
    let unsatisfiable = Fault(
      416, "The image has no such bytes.", headers: [("Content-Range", "bytes */\(size)")])
    guard ends.count == 2, ends.allSatisfy({ $0.allSatisfy { $0.isASCII && $0.isNumber } }) else { throw unsatisfiable }
    switch (Int64(ends[0]), Int64(ends[1])) {
    case (let first?, let last?) where first <= last && first < size: return first..<(min(last, size - 1) + 1)
    case (let first?, nil) where ends[1].isEmpty && first < size: return first..<size
    case (nil, let count?) where ends[0].isEmpty && count > 0 && size > 0: return max(0, size - count)..<size
    default: throw unsatisfiable
    }
  }
}
