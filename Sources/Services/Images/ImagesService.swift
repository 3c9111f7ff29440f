public import API
public import Auth
public import Contracts
public import Converge
import Kit
public import Store

/// The image service: images, their bytes, and who stands on them.
public struct ImagesService: Sendable, ImagesContract {
  /// The schema, for `Store.migrate`.
  public static var migrations: [Migration] { ImagesMigrations.all }

  private let store: any Store
  private let blobs: BlobStore
  private let slots: AsyncSlots

  /// Keeps its bytes in `directory`, where it makes what is missing. Throws where it cannot.
  public init(store: any Store, directory: String, settings: BlobSettings = BlobSettings()) throws {
    self.store = store
    slots = AsyncSlots(count: settings.uploadsMax, waitingMax: 0)
    blobs = try BlobStore(directory: directory, settings: settings)
  }

  /// Its routes, below `/image`.
  public var api: ServiceAPI {
    ServiceAPI(
      prefix: "image", faultStyle: .glance,
      routes: ImageDiscoveryRoutes().routes + ImageRoutes(store: store, blobs: blobs).routes
        + ImageFileRoutes(store: store, blobs: blobs, slots: slots).routes
        + ImageMemberRoutes(store: store).routes)
  }

  /// Its loops. The first pass cleans up after a crash.
  public var convergers: [any Converger] { [BlobKeeper(store: store, blobs: blobs)] }

  public func image(_ tx: Transaction, id: String, for principal: Principal) throws -> ImageRecord? {
    guard let image = try ImageTable.find(tx, id: id, for: principal) else { return nil }
    return ImageRecord(
      id: image.id, name: image.name, status: image.status.rawValue, digest: image.content?.digest,
      diskFormat: image.content?.format.rawValue ?? image.diskFormat?.rawValue, sizeBytes: image.content?.size ?? 0,
      virtualSizeBytes: image.content?.virtualSize ?? 0, minDiskGiB: image.minDisk, minRAMMiB: image.minRAM)
  }

  /// Throws `Fault` 409 where the bytes are not there any more.
  public func pin(_ tx: Transaction, digest: String, holder: String) throws {
    guard try BlobTable.find(tx, digest: digest) != nil else {
      throw Fault.conflict("The image's data is not there any more.")
    }
    try BlobTable.pin(tx, digest: digest, holder: holder)
  }

  public func unpin(_ tx: Transaction, digest: String, holder: String) throws {
    try BlobTable.unpin(tx, digest: digest, holder: holder)
  }

  public func pins(_ tx: Transaction, holders: [String]) throws -> [ImagePin] {
    try BlobTable.pins(tx, holders: holders)
  }

  public func pins(_ tx: Transaction, after holder: String, limit: Int) throws -> [ImagePin] {
    try BlobTable.pins(tx, after: holder, limit: limit)
  }

  /// Where bytes that are kept can be read; nil where there are none with this SHA-256. The file is never changed; a
  /// reader that has opened it reads it to the end even if it is removed.
  public func open(digest: String) async throws -> (size: Int64, path: String)? {
    guard let blob = try await store.read({ try BlobTable.find($0, digest: digest) }) else { return nil }
    return (blob.size, try blobs.path(file: blob.file))
  }

  /// Sends the bytes with this SHA-256 piece by piece; false where there are none.
  public func send(digest: String, to sink: @Sendable ([UInt8]) async throws -> Void) async throws -> Bool {
    guard let (size, path) = try await open(digest: digest) else { return false }
    try await BlobReader(path: path).send(0..<size, to: sink)
    return true
  }
}
