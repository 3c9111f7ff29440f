import Crypto
import Foundation
import NIOCore

/// Why an upload stopped taking bytes.
enum UploadLimit: Error, Sendable {
  /// More than `BlobSettings.bytesMax`.
  case tooLarge
  /// The file system would be left with less than `BlobSettings.freeBytesMin`.
  case diskFull
}

/// Bytes on their way in: written to a file, hashed and inspected at once. It runs on a queue of its own.
actor IncomingBlob {
  /// How many bytes are written between two looks at the free space.
  private static let freeCheckBytes: Int64 = 64 << 20

  private let executor: QueueExecutor
  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  private let id: String
  private let file: OpenFile
  private let settings: BlobSettings
  private var inspector: DiskInspector
  private var sha256 = SHA256()
  private var sha512 = SHA512()
  private var md5 = Insecure.MD5()
  private var size: Int64 = 0
  private var nextFreeCheck: Int64 = 0

  init(id: String, path: String, declared: DiskFormat, settings: BlobSettings) throws {
    self.id = id
    self.settings = settings
    file = try OpenFile(creating: path)
    inspector = DiskInspector(declared: declared)
    executor = QueueExecutor("haneul.upload")
  }

  /// Takes the next piece. Throws `InspectionRefusal`, `UploadLimit` or `FileError`.
  func append(_ piece: ByteBuffer) throws {
    guard size + Int64(piece.readableBytes) <= settings.bytesMax else { throw UploadLimit.tooLarge }
    if size >= nextFreeCheck {
      guard try file.freeBytes() >= settings.freeBytesMin + Self.freeCheckBytes else { throw UploadLimit.diskFull }
      nextFreeCheck = size + Self.freeCheckBytes
    }
    try piece.withUnsafeReadableBytes { bytes in
      try inspector.append(bytes)
      try file.write(bytes)
      sha256.update(bufferPointer: bytes)
      sha512.update(bufferPointer: bytes)
      md5.update(bufferPointer: bytes)
    }
    size += Int64(piece.readableBytes)
  }

  /// Judges the whole and makes it durable. Throws `InspectionRefusal` or `FileError`.
  func finish() throws -> BlobRecord {
    let tailBytes = Int64(DiskInspector.tailBytes)
    let tail = try file.read(at: max(0, size - tailBytes), count: Int(min(size, tailBytes)))
    let found = try inspector.finish(size: size, tail: tail)
    try file.sync()
    return BlobRecord(
      digest: Self.hex(sha256.finalize()), file: id, size: size, md5: Self.hex(md5.finalize()),
      sha512: Self.hex(sha512.finalize()), format: found.format, virtualSize: found.virtualSize)
  }

  private static func hex(_ digest: some Sequence<UInt8>) -> String {
    digest.map { String(UInt16($0) | 0x100, radix: 16).dropFirst() }.joined()
  }
}
