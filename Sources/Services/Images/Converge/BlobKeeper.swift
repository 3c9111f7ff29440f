import Converge
import Kit
import Store

/// Keeps the bytes on disk and the store in step: an upload whose process died goes back to `queued`, bytes that no
/// image and no pin needs are removed, and so are files that nobody knows.
struct BlobKeeper: Converger {
  let store: any Store
  let blobs: BlobStore

  let name = "images.blobs"
  let interval = Duration.seconds(30)
  let followsChanges = false

  func step() async throws {
    try await abandonDeadUploads()
    if try await store.read(BlobTable.hasUnused) {
      await blobs.remove(try await store.write(BlobTable.forgetUnused))
    }
    try await removeStrangers()
  }

  /// An upload is entered as live before its image is given to it; one that is not live ended or died.
  private func abandonDeadUploads() async throws {
    for (imageID, uploadID) in try await store.read(ImageUploadTable.underWay) where await !blobs.isLive(uploadID) {
      try await store.write {
        try ImageUploadTable.abandon($0, imageID: imageID, uploadID: uploadID, at: .now())
      }
    }
  }

  /// The folders are read before the store: a file that the store does not know by then belongs to nobody, since the
  /// store knew its upload before the file was made.
  private func removeStrangers() async throws {
    let files = try await blobs.leftovers()
    let all = files.incoming + files.kept
    if all.isEmpty { return }
    let known = try await store.read { try BlobTable.known($0, among: all) }
    for file in files.incoming where !known.contains(file) { await blobs.discardIncoming(file) }
    await blobs.remove(files.kept.filter { !known.contains($0) })
  }
}
