import API
import Kit
import Synchronization
import Testing

/// What a streamed body was written to.
private final class Written: Sendable {
  private let state = Mutex<[UInt8]>([])

  var bytes: [UInt8] { state.withLock { $0 } }

  func append(_ piece: [UInt8]) { state.withLock { $0 += piece } }
}

struct ListTests {
  @Test func listsAreWrittenInChunks() async throws {
    let reply = try await Reply.list("things", trailer: Array(#","links":[]"#.utf8)) { (cursor: Int?) in
      let start = cursor ?? 0
      let elements = JSONWriter.elements(start..<min(start + 2, 5)) { $0.value($1) }
      return (elements, start + 2 < 5 ? start + 2 : nil)
    }
    let written = Written()
    guard case .stream(_, _, let write) = reply.body else {
      Issue.record("five elements in chunks of two did not stream")
      return
    }
    try await write { piece in written.append(piece) }
    #expect(String(decoding: written.bytes, as: UTF8.self) == #"{"things":[0,1,2,3,4],"links":[]}"#)
  }

  @Test func aShortListIsOnePiece() async throws {
    let reply = try await Reply.list("things") { (_: Int?) in ([UInt8](), nil) }
    guard case .bytes(let bytes, _) = reply.body else {
      Issue.record("an empty list streams")
      return
    }
    #expect(String(decoding: bytes, as: UTF8.self) == #"{"things":[]}"#)
  }
}
