import Foundation
import Images
import Kit
import NIOCore
import Testing

/// The attacks of shared/ATTACKS.md that touch images, by their numbers.
struct ImageAttackTests {
  /// Uploads bytes that must be refused, and looks that nothing is kept of them.
  private func refused(_ cloud: Fixture, _ format: String, _ bytes: [UInt8], _ word: String) async throws {
    let id = try await cloud.create(format: format)
    let answer = try await cloud.upload(id, bytes)
    #expect(answer.status == 415, "\(answer.text)")
    #expect(answer.text.contains(word), "\(answer.text)")
    let shown = try await cloud.send("GET", "/v2/images/\(id)").json
    #expect(shown["status"] == .string("queued"))
    #expect(shown["size"] == .null)
    #expect(try cloud.files("incoming") == [])
    #expect(try cloud.files("blobs") == [])
    // The image is still good for honest bytes.
    let honest = format == "raw" ? Array("honest".utf8) : try await cloud.qemuImage("-f", "qcow2", "@", "1M")
    #expect(try await cloud.upload(id, honest).status == 204)
    #expect(try await cloud.send("DELETE", "/v2/images/\(id)").status == 204)
  }

  @Test("37: a qcow2 whose data is in an external file") func externalDataFile() async throws {
    let cloud = try await Fixture()
    let bytes = try await cloud.qemuImage(
      "-f", "qcow2", "-o", "data_file=\(cloud.directory)/data,data_file_raw=on", "@", "1M")
    try await refused(cloud, "qcow2", bytes, "external")
    try await refused(cloud, "raw", bytes, "qcow2")
    // The name alone, without the feature bit, is refused too.
    var named = try await cloud.qemuImage("-f", "qcow2", "@", "1M")
    let name = Array("/etc/shadow".utf8)
    named.replaceSubrange(112..<120, with: [0x44, 0x41, 0x54, 0x41, 0, 0, 0, UInt8(name.count)])
    named.replaceSubrange(120..<(120 + name.count), with: name)
    try await refused(cloud, "qcow2", named, "external data file")
  }

  @Test("38: declared raw, but a qcow2 with a backing file or a VMDK descriptor") func lyingRaw() async throws {
    let cloud = try await Fixture()
    let backed = try await cloud.qemuImage("-f", "qcow2", "-u", "-b", "/etc/passwd", "-F", "raw", "@", "1M")
    try await refused(cloud, "raw", backed, "qcow2")
    for text in [
      "# Disk DescriptorFile\nversion=1\nRW 1 FLAT \"/etc/passwd\" 0\n", "# a\n\n  # Disk DescriptorFile\nversion=1\n",
      "#x\n\r\n version=1\nCID=1\n", "VERSION=1\n",
    ] {
      try await refused(cloud, "raw", Array(text.utf8) + [UInt8](repeating: 0, count: 5000), "vmdk")
    }
  }

  @Test("39: a VMDK that names a file of the host") func vmdk() async throws {
    let cloud = try await Fixture()
    #expect(try await cloud.send("POST", "/v2/images", #"{"disk_format": "vmdk"}"#).status == 400)
    for subformat in ["monolithicFlat", "monolithicSparse", "streamOptimized"] {
      let bytes = try await cloud.qemuImage("-f", "vmdk", "-o", "subformat=\(subformat)", "@", "1M")
      try await refused(cloud, "raw", bytes, "vmdk")
      try await refused(cloud, "qcow2", bytes, "vmdk")
    }
  }

  @Test("40: a qcow2 with a backing file, and every other format under a false name") func backingFile() async throws {
    let cloud = try await Fixture()
    let backed = try await cloud.qemuImage("-f", "qcow2", "-u", "-b", "/etc/passwd", "-F", "raw", "@", "1M")
    try await refused(cloud, "qcow2", backed, "backing file")
    let old = try await cloud.qemuImage(
      "-f", "qcow2", "-o", "compat=0.10", "-u", "-b", "json:{}", "-F", "raw", "@", "1M")
    try await refused(cloud, "qcow2", old, "backing file")
    try await refused(cloud, "qcow2", [UInt8](repeating: 7, count: 100_000), "raw")
    for format in ["vdi", "vhdx", "vpc", "qed", "qcow", "parallels"] {
      let bytes = try await cloud.qemuImage("-f", format, "@", "4M")
      try await refused(cloud, "raw", bytes, "content is")
      try await refused(cloud, "qcow2", bytes, format == "qcow" ? "version 1" : "content is")
    }
    let fixed = try await cloud.qemuImage("-f", "vpc", "-o", "subformat=fixed", "@", "1M")
    try await refused(cloud, "raw", fixed, "vhd")
  }

  @Test("40: refused as soon as the header is there") func refusedEarly() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.create(format: "raw")
    let (stream, continuation) = AsyncStream.makeStream(of: ByteBuffer.self)
    continuation.yield(ByteBuffer(bytes: [0x51, 0x46, 0x49, 0xfb] + [UInt8](repeating: 0, count: 70_000)))
    // The stream does not end: the answer comes all the same.
    #expect(try await cloud.upload(id, stream).status == 415)
    continuation.finish()
  }

  @Test("49: the bytes of an active image are never replaced") func activeStaysActive() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.create(format: "raw")
    #expect(try await cloud.upload(id, [1, 2, 3]).status == 204)
    #expect(try await cloud.upload(id, [6, 6, 6]).status == 409)
    #expect(try await cloud.upload(id, [6, 6, 6], as: "admin").status == 409)
    for (path, value) in [
      ("status", "\"queued\""), ("checksum", "\"0\""), ("size", "0"), ("os_hash_value", "\"0\""), ("virtual_size", "1"),
      ("locations", "[]"), ("locations/0", "{}"), ("locations/-", #"{"url": "file:///etc/passwd", "metadata": {}}"#),
    ] {
      for operation in ["add", "replace", "remove"] {
        let body = #"[{"op": "\#(operation)", "path": "/\#(path)", "value": \#(value)}]"#
        for token in ["alice", "admin"] { #expect(try await cloud.patch(id, body, as: token).status == 403) }
      }
    }
    #expect(try await cloud.patch(id, #"[{"op": "replace", "path": "/disk_format", "value": "qcow2"}]"#).status == 403)
    _ = try await cloud.send(
      "PATCH", "/v2/images/\(id)", "[]",
      headers: [
        ("Content-Type", "application/openstack-images-v2.1-json-patch"), ("X-Image-Meta-Status", "queued"),
      ])
    #expect(try await cloud.status(id) == "active")
    #expect(try await cloud.send("GET", "/v2/images/\(id)/file").bytes == [1, 2, 3])
  }

  @Test("50: where the bytes lie is never shown") func noLocations() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.create(format: "raw")
    #expect(try await cloud.upload(id, [1]).status == 204)
    for token in ["alice", "admin"] {
      for path in ["/v2/images/\(id)", "/v2/images", "/v2/schemas/image"] {
        let text = try await cloud.send("GET", path, as: token).text
        #expect(!text.contains("locations"))
        #expect(!text.contains("direct_url"))
        #expect(!text.contains(cloud.directory))
      }
    }
  }

  @Test("51: nothing from outside becomes a path") func noPaths() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.create(format: "raw")
    #expect(try await cloud.upload(id, [1]).status == 204)
    for name in ["..%2f..%2fstore.db", "..", "%2fetc%2fpasswd", "%00", "incoming%2f\(id)"] {
      #expect(try await cloud.send("GET", "/v2/images/\(name)/file").status == 404)
      #expect(try await cloud.upload(name, [1]).status == 404)
      #expect(try await cloud.send("DELETE", "/v2/images/\(name)", as: "admin").status == 404)
    }
    #expect(try await cloud.send("POST", "/v2/images", #"{"id": "../../../../etc/passwd"}"#).status == 400)
    for location in ["file:///etc/passwd", "filesystem:///etc/passwd"] {
      let body = #"{"locations": [{"url": "\#(location)", "metadata": {}}]}"#
      #expect(try await cloud.send("POST", "/v2/images", body, as: "admin").status == 403)
    }
  }

  @Test("75: an image deleted while it is uploaded leaves no bytes", arguments: [false, true])
  func deletedWhileUploading(sweeping: Bool) async throws {
    let cloud = try await Fixture()
    let id = try await cloud.create(format: "raw")
    let (stream, continuation) = AsyncStream.makeStream(of: ByteBuffer.self)
    async let upload = cloud.upload(id, stream)
    continuation.yield(ByteBuffer(bytes: [UInt8](repeating: 3, count: 100_000)))
    while try await cloud.status(id) != "saving" { try await Task.sleep(for: .milliseconds(5)) }
    #expect(try await cloud.send("DELETE", "/v2/images/\(id)").status == 204)
    if sweeping { try await cloud.sweep() }
    continuation.yield(ByteBuffer(bytes: [3]))
    continuation.finish()
    #expect(try await upload.status == 410)
    #expect(try cloud.files("incoming") == [])
    #expect(try cloud.files("blobs") == [])
    #expect(try await cloud.send("GET", "/v2/images/\(id)").status == 404)
    #expect(try await cloud.send("GET", "/v2/images").json["images"] == .array([]))
  }

  @Test("75: deletes and uploads of the same bytes, many at once, lose none and leave none")
  func racingDeletes() async throws {
    let cloud = try await Fixture(BlobSettings(freeBytesMin: 1, uploadsMax: 24))
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<24 {
        group.addTask {
          let id = try await cloud.create(format: "raw")
          let stored = try await cloud.upload(id, [4, 5, 6]).status
          #expect(stored == 204)
          if number % 4 == 0 { try await cloud.sweep() }
          #expect(try await cloud.send("GET", "/v2/images/\(id)/file").bytes == [4, 5, 6])
          #expect(try await cloud.send("DELETE", "/v2/images/\(id)").status == 204)
        }
      }
      try await group.waitForAll()
    }
    try await cloud.sweep()
    #expect(try cloud.files("blobs") == [])
    #expect(try cloud.files("incoming") == [])
  }
}
