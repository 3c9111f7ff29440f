public import Contracts
public import Store

/// Bytes that the image service keeps, as a file in the folder `blobs`.
public struct KeptBlob: Sendable, Hashable {
  /// SHA-256 of the bytes, in hex.
  public var digest: String
  /// The file's name, an id.
  public var file: String
  /// In bytes.
  public var size: Int64
}

extension ImagesService: InvariantKeeper {
  public var invariants: [Invariant] {
    [
      Invariant(
        "images.bytes", "An image has bytes once it is active, and none before.",
        repair: "Delete the image, and upload it anew.",
        rows: """
          SELECT 'image ' || id || ': ' || status FROM image
          WHERE status = 'active' AND digest IS NULL OR status = 'queued' AND digest IS NOT NULL ORDER BY id
          """),
      Invariant(
        "images.pins", "Who stands on bytes is named.", repair: "haneul control takes stray pins back every minute.",
        rows: "SELECT 'blob ' || digest FROM blob_pin WHERE holder = '' ORDER BY digest"),
      Invariant(
        "images.blobs", "Each file of bytes is named by an id, and has a size that is no less than nothing.",
        repair: "Restore a backup of before.",
        rows:
          "SELECT 'blob ' || digest FROM blob WHERE length(file) <> 36 OR size < 0 OR length(digest) <> 64 ORDER BY 1"),
    ]
  }

  /// Everything that is kept, by digest.
  public static func keptBlobs(_ tx: Transaction) throws -> [KeptBlob] {
    try tx.query("SELECT digest, file, size FROM blob ORDER BY digest") {
      KeptBlob(digest: $0.text(0), file: $0.text(1), size: Int64($0.int(2)))
    }
  }
}
