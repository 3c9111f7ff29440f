/// Reads kept bytes on a queue of its own. Once open, they can be read to their end, whatever becomes of the image.
actor BlobReader {
  /// Bytes of one piece.
  static let pieceBytes = 256 * 1024

  private let executor: QueueExecutor
  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
  private let file: OpenFile

  init(path: String) throws {
    file = try OpenFile(reading: path)
    executor = QueueExecutor("haneul.download")
  }

  private func read(at offset: Int64, count: Int) throws -> [UInt8] { try file.read(at: offset, count: count) }

  /// Hands out the bytes of `range` piece by piece. Throws where the file is shorter than it was.
  nonisolated func send(_ range: Range<Int64>, to sink: @Sendable ([UInt8]) async throws -> Void) async throws {
    var offset = range.lowerBound
    while offset < range.upperBound {
      let piece = try await read(at: offset, count: Int(min(Int64(Self.pieceBytes), range.upperBound - offset)))
      if piece.isEmpty { throw FileError(operation: "read", code: 5) }
      try await sink(piece)
      offset += Int64(piece.count)
    }
  }
}
