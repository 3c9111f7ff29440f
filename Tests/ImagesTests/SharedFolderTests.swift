import Foundation
import Kit
import Testing

@testable import Images

/// Several control processes keep their images in one folder; the loop that cleans up runs in one of them.
struct SharedFolderTests {
  private func withFolder(_ body: (String) async throws -> Void) async throws {
    let folder = FileManager.default.temporaryDirectory.path() + "/haneul-blobs-" + Identifier.hex()
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try await body(folder)
  }

  @Test func anUploadOfAnotherProcessIsLeftAlone() async throws {
    try await withFolder { folder in
      let uploading = try BlobStore(directory: folder, settings: BlobSettings())
      let cleaning = try BlobStore(directory: folder, settings: BlobSettings())
      let upload = Identifier.uuid()
      #expect(await !cleaning.isLive(upload))
      await uploading.enter(upload)
      #expect(await cleaning.isLive(upload))
      _ = try await uploading.receive(upload, declared: .raw, expected: 10)
      #expect(try await cleaning.leftovers().incoming.isEmpty)
      try await uploading.keep(upload)
      #expect(try await cleaning.leftovers().kept.isEmpty)
      await uploading.leave(upload)
      #expect(await !cleaning.isLive(upload))
      #expect(try await cleaning.leftovers().kept == [upload])
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder + "/incoming").isEmpty)
    }
  }

  /// A process that died holds no lock: its upload is dead, and its mark goes once it is old enough.
  @Test func theMarkOfADeadProcessCountsForNothing() async throws {
    try await withFolder { folder in
      let blobs = try BlobStore(directory: folder, settings: BlobSettings())
      let upload = Identifier.uuid()
      let mark = folder + "/incoming/\(upload).lock"
      try Data().write(to: URL(filePath: mark))
      #expect(await !blobs.isLive(upload))
      _ = try await blobs.leftovers()
      #expect(FileManager.default.fileExists(atPath: mark))
      let old = Date(timeIntervalSinceNow: -120)
      try FileManager.default.setAttributes([.modificationDate: old], ofItemAtPath: mark)
      _ = try await blobs.leftovers()
      #expect(!FileManager.default.fileExists(atPath: mark))
    }
  }
}
