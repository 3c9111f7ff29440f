import Foundation
import Images
import NodeLink

/// Lets nodes fetch the image service's bytes by digest.
struct ImageBlobs: BlobSource {
  /// Bytes read at a time.
  static let pieceBytes = 1 << 20

  let images: ImagesService

  func open(
    digest: String
  ) async throws -> (size: Int64, bytes: any AsyncSequence<[UInt8], any Error> & Sendable)? {
    guard let blob = try await images.open(digest: digest) else { return nil }
    guard let file = FileHandle(forReadingAtPath: blob.path) else { return nil }
    let pieces = AsyncThrowingStream<[UInt8], any Error> {
      guard let data = try file.read(upToCount: Self.pieceBytes), !data.isEmpty else {
        try file.close()
        return nil
      }
      return Array(data)
    }
    return (blob.size, pieces)
  }
}
