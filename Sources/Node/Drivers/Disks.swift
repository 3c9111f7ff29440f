public import NodeLink

/// A qcow2 overlay on its base: every format named, so that nothing is ever probed.
public struct DiskChain: Sendable, Hashable {
  public var overlayPath: String
  public var basePath: String
  public var baseFormat: String
  public init(overlayPath: String, basePath: String, baseFormat: String) {
    self.overlayPath = overlayPath
    self.basePath = basePath
    self.baseFormat = baseFormat
  }
}

/// Where a blob's bytes come from: calls `write` with each piece in order.
public typealias BlobFetch =
  @Sendable (_ digest: String, _ write: @Sendable ([UInt8]) async throws -> Void) async throws -> Void

/// Why a disk cannot be had.
public enum DiskError: Error, Sendable, Equatable {
  /// The overlay was made once and is not there: the data is lost, and nothing is made in its place.
  case dataMissing(path: String)
  /// What came does not have the digest it was asked under.
  case digestMismatch(expected: String, found: String)
  case baseUnavailable(reason: String)
  /// The file system that holds `path` is full.
  case noSpace(path: String)
  /// The file system that holds `path` can only be read.
  case readOnly(path: String)
  case toolFailed(tool: String, reason: String)
}

/// The disks of one host: bases under their digest, one overlay a server, config drives, console logs.
public protocol DisksDriver: Sendable {
  /// Fetches the base unless it is there; verified by digest before it gets its name. Concurrent calls share one fetch.
  func ensureBase(_ base: ServerSpec.BaseImage, fetch: BlobFetch) async throws -> String
  /// The server's overlay: makes it if it never was made, else throws `DiskError.dataMissing` when the file is gone.
  /// The base must be there.
  func ensureRoot(_ disk: ServerSpec.RootDisk, serverID: String) async throws -> DiskChain
  /// Whether the base's file is there, with its size; its bytes are not read.
  func hasBase(_ base: ServerSpec.BaseImage) async -> Bool
  /// Id of the root disk whose overlay is there; nil where none is.
  func rootDiskID(serverID: String) async -> String?
  /// Writes the config drive (FAT with the label `config-2`) and returns its path.
  func configDrive(_ metadata: ServerSpec.Metadata, serverID: String) async throws -> String
  func consoleLogPath(serverID: String) -> String
  /// The last `bytesMax` bytes of the console; nil where there is no log.
  func consoleLog(serverID: String, bytesMax: Int) async throws -> [UInt8]?
  /// Removes everything of a server. No error where there is nothing.
  func remove(serverID: String) async throws
  /// Removes bases that no overlay stands on and whose digest is not in `wanted`.
  func removeUnusedBases(wanted: Set<String>) async throws
}
