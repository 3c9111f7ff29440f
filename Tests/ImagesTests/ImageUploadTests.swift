import Auth
import Contracts
import Converge
import Crypto
import Foundation
import Images
import Kit
import NIOCore
import Store
import Testing

/// The bytes: up, down, kept as long as somebody needs them.
struct ImageUploadTests {
  private func hex(_ digest: some Sequence<UInt8>) -> String { digest.map { String(format: "%02x", $0) }.joined() }

  @Test func upAndDown() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.create(format: "raw")
    #expect(try await cloud.send("GET", "/v2/images/\(id)/file").status == 204)
    let bytes = (0..<700_001).map { _ in UInt8.random(in: 0...255) }
    #expect(try await cloud.upload(id, bytes, headers: [("X-OpenStack-Image-Size", "700001")]).status == 204)
    let shown = try await cloud.send("GET", "/v2/images/\(id)").json
    #expect(shown["status"] == .string("active"))
    #expect(shown["size"] == .int(700_001))
    #expect(shown["virtual_size"] == .int(700_001))
    #expect(shown["checksum"]?.string == hex(Insecure.MD5.hash(data: bytes)))
    #expect(shown["os_hash_algo"] == .string("sha512"))
    #expect(shown["os_hash_value"]?.string == hex(SHA512.hash(data: bytes)))
    let file = try await cloud.send("GET", "/v2/images/\(id)/file")
    #expect(file.status == 200)
    #expect(file.bytes == bytes)
    #expect(file.header("Content-MD5") == shown["checksum"]?.string)
    #expect(try await cloud.send("GET", "/v2/images/\(id)/file", as: "reader-alice").status == 403)
    let found = try #require(try await cloud.service.open(digest: hex(SHA256.hash(data: bytes))))
    #expect(found.size == 700_001)
    #expect(try Array(Data(contentsOf: URL(fileURLWithPath: found.path))) == bytes)
    #expect(try await cloud.service.open(digest: "../../etc/passwd") == nil)
    #expect(try cloud.files("incoming") == [])
  }

  @Test func parts() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.create(format: "raw")
    #expect(try await cloud.upload(id, Array(0..<100)).status == 204)
    for (range, expected, header) in [
      ("bytes=0-9", 0..<10, "bytes 0-9/100"), ("bytes=90-", 90..<100, "bytes 90-99/100"),
      ("bytes=-5", 95..<100, "bytes 95-99/100"), ("bytes=50-500", 50..<100, "bytes 50-99/100"),
    ] {
      let part = try await cloud.send("GET", "/v2/images/\(id)/file", headers: [("Range", range)])
      #expect(part.status == 206)
      #expect(part.bytes == expected.map { UInt8($0) })
      #expect(part.header("Content-Range") == header)
    }
    for range in ["bytes=100-", "bytes=5-4", "bytes=0-1,3-4", "bytes=-0", "bytes=a-b", "bytes=--1"] {
      let part = try await cloud.send("GET", "/v2/images/\(id)/file", headers: [("Range", range)])
      #expect(part.status == 416)
      #expect(part.header("Content-Range") == "bytes */100")
    }
  }

  @Test func refusals() async throws {
    let cloud = try await Fixture(BlobSettings(bytesMax: 50_000, freeBytesMin: 1 << 20))
    let id = try await cloud.create(format: "raw")
    #expect(try await cloud.send("PUT", "/v2/images/\(id)/file", "x").status == 415)
    #expect(try await cloud.upload(id, [1], headers: [("Content-Length", "x")]).status == 400)
    #expect(try await cloud.upload(id, [1], headers: [("Content-Length", "50001")]).status == 413)
    #expect(try await cloud.upload(id, [1, 2], headers: [("Content-Length", "3")]).status == 400)
    #expect(try await cloud.upload(id, [UInt8](repeating: 0, count: 50_001)).status == 413)
    #expect(try await cloud.upload(id, [1], as: "reader-alice").status == 403)
    #expect(try await cloud.upload(Identifier.uuid(), [1]).status == 404)
    let bare = try await cloud.create("{}")
    #expect(try await cloud.upload(bare, [1]).status == 400)
    #expect(try await cloud.status(id) == "queued")
    #expect(try cloud.files("incoming") == [])
    #expect(try cloud.files("blobs") == [])
    #expect(try await cloud.upload(id, [UInt8](repeating: 0, count: 50_000)).status == 204)
  }

  @Test func aFullDiskIsLeftWithRoom() async throws {
    let cloud = try await Fixture(BlobSettings(freeBytesMin: 1 << 60))
    let id = try await cloud.create(format: "raw")
    #expect(try await cloud.upload(id, [1]).status == 413)
    #expect(try await cloud.status(id) == "queued")
  }

  @Test func uploadsAreBounded() async throws {
    let cloud = try await Fixture(BlobSettings(freeBytesMin: 1, uploadsMax: 1))
    let (first, second) = (try await cloud.create(format: "raw"), try await cloud.create(format: "raw"))
    let (stream, continuation) = AsyncStream.makeStream(of: ByteBuffer.self)
    async let slow = cloud.upload(first, stream)
    while try await cloud.status(first) != "saving" { try await Task.sleep(for: .milliseconds(5)) }
    let refused = try await cloud.upload(second, [1])
    #expect(refused.status == 503)
    #expect(refused.header("Retry-After") != nil)
    // Nobody else writes to an image that is being uploaded.
    continuation.finish()
    #expect(try await slow.status == 204)
    #expect(try await cloud.upload(second, [1]).status == 204)
  }

  @Test func theSameBytesAreKeptOnce() async throws {
    let cloud = try await Fixture()
    let ids = [try await cloud.create(format: "raw"), try await cloud.create(format: "raw")]
    for id in ids { #expect(try await cloud.upload(id, [1, 2, 3]).status == 204) }
    #expect(try cloud.files("blobs").count == 1)
    #expect(try await cloud.send("DELETE", "/v2/images/\(ids[0])").status == 204)
    #expect(try await cloud.send("GET", "/v2/images/\(ids[1])/file").bytes == [1, 2, 3])
    #expect(try await cloud.send("DELETE", "/v2/images/\(ids[1])").status == 204)
    #expect(try cloud.files("blobs") == [])
  }

  @Test func pinnedBytesOutliveTheImage() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.create(format: "raw")
    #expect(try await cloud.upload(id, [9, 9]).status == 204)
    let service = cloud.service
    let record = try #require(try await cloud.store.read { try service.image($0, id: id, for: Self.alice) })
    #expect(record.status == "active")
    #expect(record.diskFormat == "raw")
    let digest = try #require(record.digest)
    for _ in 0..<2 { try await cloud.store.write { try service.pin($0, digest: digest, holder: "server/1") } }
    #expect(try await cloud.send("DELETE", "/v2/images/\(id)").status == 204)
    #expect(try await cloud.send("GET", "/v2/images/\(id)").status == 404)
    #expect(try await cloud.store.read { try service.image($0, id: id, for: Self.alice) } == nil)
    try await cloud.sweep()
    #expect(try await cloud.service.open(digest: digest) != nil)
    try await cloud.store.write { try service.pin($0, digest: digest, holder: "server/0") }
    let pin = ImagePin(digest: digest, holder: "server/1")
    #expect(try await cloud.store.read { try service.pins($0, holders: ["server/1", "server/2"]) } == [pin])
    #expect(try await cloud.store.read { try service.pins($0, after: "", limit: 1) }.map(\.holder) == ["server/0"])
    #expect(try await cloud.store.read { try service.pins($0, after: "server/0", limit: 9) } == [pin])
    try await cloud.store.write { try service.unpin($0, digest: digest, holder: "server/0") }
    for _ in 0..<2 { try await cloud.store.write { try service.unpin($0, digest: digest, holder: "server/1") } }
    try await cloud.sweep()
    #expect(try await cloud.service.open(digest: digest) == nil)
    #expect(try cloud.files("blobs") == [])
    await #expect(throws: (any Error).self) {
      try await cloud.store.write { try service.pin($0, digest: digest, holder: "server/2") }
    }
  }

  @Test func aCrashIsADelay() async throws {
    let cloud = try await Fixture()
    let (dead, kept) = (try await cloud.create(format: "raw"), try await cloud.create(format: "raw"))
    #expect(try await cloud.upload(kept, [1]).status == 204)
    // As a process leaves it that died while `dead` was uploaded, and between moving a file and making it known.
    let upload = Identifier.uuid()
    try await cloud.store.write {
      try $0.execute("UPDATE image SET status = 'saving', upload_id = \(upload) WHERE id = \(dead)")
    }
    for path in ["incoming/\(upload)", "incoming/\(Identifier.uuid())", "blobs/\(Identifier.uuid())"] {
      try Data([1]).write(to: URL(fileURLWithPath: cloud.directory + "/images/" + path))
    }
    for converger in try cloud.restarted().convergers { try await converger.step() }
    #expect(try await cloud.status(dead) == "queued")
    #expect(try cloud.files("incoming") == [])
    #expect(try cloud.files("blobs").count == 1)
    #expect(try await cloud.upload(dead, [2]).status == 204)
    #expect(try await cloud.send("GET", "/v2/images/\(kept)/file").bytes == [1])
  }

  @Test func theKeeperLeavesUploadsUnderWayAlone() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.create(format: "raw")
    let (stream, continuation) = AsyncStream.makeStream(of: ByteBuffer.self)
    async let upload = cloud.upload(id, stream)
    continuation.yield(ByteBuffer(bytes: [1]))
    while try await cloud.status(id) != "saving" { try await Task.sleep(for: .milliseconds(5)) }
    try await cloud.sweep()
    #expect(try await cloud.status(id) == "saving")
    #expect(try await cloud.upload(id, [5]).status == 409)
    continuation.yield(ByteBuffer(bytes: [2]))
    continuation.finish()
    #expect(try await upload.status == 204)
    try await cloud.sweep()
    #expect(try await cloud.send("GET", "/v2/images/\(id)/file").bytes == [1, 2])
  }

  @Test func deactivatedDataIsNotGiven() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.create(format: "raw")
    #expect(try await cloud.send("POST", "/v2/images/\(id)/actions/deactivate").status == 403)
    #expect(try await cloud.upload(id, [1]).status == 204)
    #expect(try await cloud.send("POST", "/v2/images/\(id)/actions/deactivate").status == 204)
    #expect(try await cloud.status(id) == "deactivated")
    #expect(try await cloud.send("GET", "/v2/images/\(id)/file").status == 403)
    #expect(try await cloud.send("POST", "/v2/images/\(id)/actions/reactivate").status == 204)
    #expect(try await cloud.send("GET", "/v2/images/\(id)/file").status == 200)
  }

  static let alice = Principal(
    userID: "u", userName: "u", userDomainID: "default", userDomainName: "Default",
    scope: .project(.init(id: "alice", name: "alice", domainID: "default", domainName: "Default")),
    roles: [.init(id: "member", name: "member")], methods: [], auditIDs: [], issuedAt: .now(), expiresAt: .now(),
    applicationCredential: nil)
}
