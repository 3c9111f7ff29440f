import Crypto
import Foundation
import Images
import Kit
import Store
import Synchronization

/// The bytes of images at a restore: those that the backup brings along are written, and all are compared with what the
/// restored store knows.
final class RestoredImages: Sendable {
  private struct Current {
    var blob: BackupFormat.Blob
    var file: FileHandle
    var hash = SHA256()
    var size: Int64 = 0
  }
  private let folder: String
  private let aside: String
  private let progress: Launch.Progress
  private let current = Mutex<Current?>(nil)

  init(state: StateDirectory, progress: @escaping Launch.Progress) {
    folder = state.images + "/blobs"
    aside = state.images + "/before-restore"
    self.progress = progress
  }

  // MARK: bytes from the backup

  /// The next pieces are this blob's. Throws `CloudProblem`.
  func begin(_ blob: BackupFormat.Blob) throws {
    try finish()
    guard Identifier.isUUID(blob.file) else { throw CloudProblem("The backup names a file as no image's is named.") }
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let path = folder + "/" + blob.file + ".new"
    unlink(path)
    let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard file >= 0 else { throw StateDirectory.problem(path, errno) }
    current.withLock { $0 = Current(blob: blob, file: FileHandle(fileDescriptor: file, closeOnDealloc: true)) }
  }

  func add(_ bytes: Data) throws {
    try current.withLock { current in
      current?.hash.update(data: bytes)
      current?.size += Int64(bytes.count)
      try current?.file.write(contentsOf: bytes)
    }
  }

  /// Puts the last blob in its place. Throws `CloudProblem` where its bytes are not what its digest says.
  func finish() throws {
    guard
      let done = current.withLock({ current in
        defer { current = nil }
        return current
      })
    else { return }
    let path = folder + "/" + done.blob.file
    guard done.size == done.blob.size, done.hash.finalize().hex == done.blob.blob else {
      unlink(path + ".new")
      throw CloudProblem("The bytes of image data \(done.blob.blob) in the backup are not what they should be.")
    }
    try done.file.synchronize()
    guard rename(path + ".new", path) == 0 else { throw StateDirectory.problem(path, errno) }
  }

  // MARK: what the store knows

  /// Says which bytes are missing or damaged, and puts aside those that the store does not know: they came after the
  /// backup, and control would remove them. Throws `StoreError`, `CloudProblem`.
  func compare(_ address: StoreAddress) async throws -> [String] {
    let began = SuspendingClock.now
    let kept = try await address.peek { try ImagesService.keptBlobs($0) }
    var warnings: [String] = []
    for blob in kept {
      switch try digest(folder + "/" + blob.file) {
      case blob.digest: break
      case nil: warnings.append("The image data \(blob.digest) is not on the disk: upload its image anew.")
      default: warnings.append("The image data \(blob.digest) is damaged on the disk: upload its image anew.")
      }
    }
    let known = Set(kept.map(\.file))
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    let later = files.filter { Identifier.isUUID($0) && !known.contains($0) }
    if !later.isEmpty {
      try FileManager.default.createDirectory(atPath: aside, withIntermediateDirectories: true)
      for file in later { rename(folder + "/" + file, aside + "/" + file) }
      warnings.append("\(later.count) files of image data are of after the backup: they were put aside in \(aside).")
    }
    if !kept.isEmpty { progress("\(kept.count) image data compared", began.duration(to: .now) / .seconds(1)) }
    return warnings
  }

  /// SHA-256 of a file; nil where it cannot be read.
  private func digest(_ path: String) throws -> String? {
    guard let file = FileHandle(forReadingAtPath: path) else { return nil }
    var hash = SHA256()
    while let piece = try file.read(upToCount: BackupFormat.pieceBytes), !piece.isEmpty { hash.update(data: piece) }
    return hash.finalize().hex
  }
}
