/// Bytes that are kept: found by their SHA-256, described by what was measured while they came in.
struct BlobRecord: Sendable, Hashable {
  /// SHA-256 in hex.
  var digest: String
  /// Name of the file below `blobs/`: the id of the upload that brought it.
  var file: String
  /// Length in bytes.
  var size: Int64
  var md5: String
  var sha512: String
  var format: DiskFormat
  /// Size in bytes of the disk inside.
  var virtualSize: Int64
}
