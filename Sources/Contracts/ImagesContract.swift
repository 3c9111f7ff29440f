public import Auth
public import Store

/// What the image service offers the others.
public protocol ImagesContract: Sendable {
  /// An image the caller may use; nil where there is none, or the caller may not see it.
  func image(_ tx: Transaction, id: String, for principal: Principal) throws -> ImageRecord?

  /// Counts `holder` (`server/<id>`) among those who stand on the bytes: they are kept until every pin is gone,
  /// whatever becomes of the image. Idempotent.
  func pin(_ tx: Transaction, digest: String, holder: String) throws

  /// Takes the pin back. Idempotent.
  func unpin(_ tx: Transaction, digest: String, holder: String) throws

  /// What these holders stand on.
  func pins(_ tx: Transaction, holders: [String]) throws -> [ImagePin]

  /// The pins of holders that come after `holder`, by holder; at most `limit` holders.
  func pins(_ tx: Transaction, after holder: String, limit: Int) throws -> [ImagePin]
}

/// Who stands on which bytes.
public struct ImagePin: Sendable, Hashable {
  public var digest: String
  public var holder: String

  public init(digest: String, holder: String) {
    self.digest = digest
    self.holder = holder
  }
}

/// An image as other services see it.
public struct ImageRecord: Sendable, Hashable {
  public var id: String
  public var name: String?
  /// `active` is the only one that boots.
  public var status: String
  /// SHA-256 of the bytes, in hex; nil before they are uploaded.
  public var digest: String?
  /// `qcow2` or `raw`, as our own inspector found it.
  public var diskFormat: String?
  /// Length of the stored bytes.
  public var sizeBytes: Int64
  /// Size of the disk inside, in bytes.
  public var virtualSizeBytes: Int64
  /// GiB of root disk and MiB of memory it needs at the least.
  public var minDiskGiB: Int
  public var minRAMMiB: Int

  public init(
    id: String, name: String?, status: String, digest: String?, diskFormat: String?, sizeBytes: Int64,
    virtualSizeBytes: Int64, minDiskGiB: Int, minRAMMiB: Int
  ) {
    self.id = id
    self.name = name
    self.status = status
    self.digest = digest
    self.diskFormat = diskFormat
    self.sizeBytes = sizeBytes
    self.virtualSizeBytes = virtualSizeBytes
    self.minDiskGiB = minDiskGiB
    self.minRAMMiB = minRAMMiB
  }
}
