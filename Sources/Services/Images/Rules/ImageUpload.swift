import API
import Auth
import Kit
import Store

/// Brings the bytes of an image in.
///
/// The image belongs to the upload from its first byte on; only if it still does at the end does it become active.
/// Bytes that were refused, or whose image was deleted meanwhile, are removed.
struct ImageUpload: Sendable {
  let store: any Store
  let blobs: BlobStore

  /// Returns once the image is active. `expected` is the size the client announced. Throws `Fault`.
  func run(imageID: String, caller: Principal, stream: BodyStream, expected: Int64?) async throws {
    let uploadID = Identifier.uuid()
    await blobs.enter(uploadID)
    do {
      try await receive(imageID, uploadID, caller, stream, expected)
    } catch {
      await abandon(imageID, uploadID)
      throw Self.fault(error)
    }
    await blobs.leave(uploadID)
  }

  private func receive(
    _ imageID: String, _ uploadID: String, _ caller: Principal, _ stream: BodyStream, _ expected: Int64?
  ) async throws {
    let format = try await store.write { try Self.begin($0, imageID, uploadID, caller) }
    let incoming = try await blobs.receive(uploadID, declared: format, expected: expected)
    for try await piece in stream { try await incoming.append(piece) }
    let blob = try await incoming.finish()
    if let expected, expected != blob.size {
      throw Fault.badRequest("\(blob.size) bytes came where \(expected) were announced.")
    }
    try await finish(imageID, uploadID, blob)
  }

  /// Gives the image to the upload and returns the format its bytes must have.
  private static func begin(
    _ tx: Transaction, _ imageID: String, _ uploadID: String, _ caller: Principal
  ) throws -> DiskFormat {
    let image = try ImageRules.own(tx, imageID, caller)
    guard image.status == .queued else {
      throw Fault.conflict("The image is \(image.status.rawValue): its data cannot be replaced.")
    }
    guard let format = image.diskFormat, image.containerFormat != nil else {
      throw Fault.badRequest("disk_format and container_format must be set before data is uploaded.")
    }
    guard try ImageUploadTable.begin(tx, imageID: imageID, uploadID: uploadID, at: .now()) else {
      throw Fault.conflict("The image is being uploaded by somebody else.")
    }
    return format
  }

  private func finish(_ imageID: String, _ uploadID: String, _ blob: BlobRecord) async throws {
    do { try await blobs.keep(uploadID) } catch let error as FileError {
      // A deleted image's file may have been swept away.
      guard try await store.read({ try Self.belongs($0, imageID, uploadID) }) else { throw Self.gone }
      throw error
    }
    enum Outcome: Sendable { case active, activeWithOlderFile, gone }
    let outcome: Outcome = try await store.write { tx in
      guard try Self.belongs(tx, imageID, uploadID) else { return .gone }
      let added = try BlobTable.add(tx, blob)
      let finished = try ImageUploadTable.finish(
        tx, imageID: imageID, uploadID: uploadID, digest: blob.digest, at: .now())
      guard finished else { throw Self.gone }
      return added ? .active : .activeWithOlderFile
    }
    if outcome != .active { await blobs.remove([uploadID]) }
    if outcome == .gone { throw Self.gone }
  }

  private static func belongs(_ tx: Transaction, _ imageID: String, _ uploadID: String) throws -> Bool {
    try tx.exists("SELECT 1 FROM image WHERE id = \(imageID) AND upload_id = \(uploadID)")
  }

  /// Undoes what can be undone now. A file that was moved to what is kept is left to `BlobKeeper`, which asks the store
  /// first: the outcome of the last transaction may be unknown.
  private func abandon(_ imageID: String, _ uploadID: String) async {
    await blobs.discardIncoming(uploadID)
    // Where the store does not answer, the keeper does this later: the upload is not live any more.
    try? await store.write {
      try ImageUploadTable.abandon($0, imageID: imageID, uploadID: uploadID, at: .now())
    }
    await blobs.leave(uploadID)
  }

  private static let gone = Fault(410, "The image was deleted while it was uploaded.")

  private static func fault(_ error: any Error) -> any Error {
    switch error {
    case let refusal as InspectionRefusal: Fault(415, refusal.description)
    case UploadLimit.tooLarge: Fault(413, "The image is larger than this cloud takes.")
    case UploadLimit.diskFull: Fault(413, "There is not enough room for the image.")
    default: error
    }
  }
}
