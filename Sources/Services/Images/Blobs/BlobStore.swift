import Foundation
import Kit

/// The folder with the bytes: `incoming/` for uploads under way, `blobs/` for what is kept. Every file is named by the
/// id of the upload that brought it, an id of our own; no name from outside becomes a path.
actor BlobStore {
  private let executor = QueueExecutor("haneul.blobs")
  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  private let incoming: String
  private let kept: String
  let settings: BlobSettings
  /// Uploads under way, in this process and in others.
  private var marks: UploadMarks

  /// Uses `directory` and makes its two folders where they are missing. Throws where it cannot.
  init(directory: String, settings: BlobSettings) throws {
    incoming = directory + "/incoming"
    kept = directory + "/blobs"
    marks = UploadMarks(folder: incoming)
    self.settings = settings
    for folder in [incoming, kept] {
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }
  }

  /// Where the file of kept bytes is.
  nonisolated func path(file: String) throws -> String {
    guard Identifier.isUUID(file) else { throw FileError(operation: "open", code: ENOENT) }
    return kept + "/" + file
  }

  /// Counts the upload among those under way: call before the image is given to it. What a live upload has written is
  /// left alone by `BlobKeeper`, whichever process that runs in.
  func enter(_ uploadID: String) { marks.set(uploadID) }
  func leave(_ uploadID: String) { marks.clear(uploadID) }
  func isLive(_ uploadID: String) -> Bool { marks.isSet(uploadID) }

  /// A new file for an upload that expects `expected` bytes (nil: not known). Throws `UploadLimit` or `FileError`.
  func receive(_ uploadID: String, declared: DiskFormat, expected: Int64?) throws -> IncomingBlob {
    if let expected, expected > settings.bytesMax { throw UploadLimit.tooLarge }
    let free = try OpenFile(reading: incoming).freeBytes()
    guard (expected ?? 0) <= free - settings.freeBytesMin else { throw UploadLimit.diskFull }
    return try IncomingBlob(id: uploadID, path: incoming + "/" + uploadID, declared: declared, settings: settings)
  }

  /// Moves a finished upload to what is kept, durably. Only the store decides afterwards whether it stays.
  func keep(_ uploadID: String) throws {
    if rename(incoming + "/" + uploadID, kept + "/" + uploadID) != 0 {
      throw FileError(operation: "rename", code: errno)
    }
    for folder in [kept, incoming] { try OpenFile(reading: folder).sync() }
  }

  /// Removes what an unfinished upload has written.
  func discardIncoming(_ uploadID: String) { unlink(incoming + "/" + uploadID) }

  /// Removes files that the store does not know any more.
  func remove(_ files: [String]) {
    for file in files where Identifier.isUUID(file) { unlink(kept + "/" + file) }
  }

  /// Files of both folders, those of live uploads left out; marks of dead ones are removed.
  func leftovers() throws -> (incoming: [String], kept: [String]) {
    try marks.removeStale()
    func names(_ folder: String) throws -> [String] {
      try FileManager.default.contentsOfDirectory(atPath: folder).filter { Identifier.isUUID($0) && !marks.isSet($0) }
    }
    return (try names(incoming), try names(kept))
  }
}
