import AsyncHTTPClient
import Foundation
import NIOCore

/// Takes a streamed body apart into lines, each at most `LinkLimit.lineBytesMax` long; pulls only when asked.
actor LineReader {
  private var iterator: HTTPClientResponse.Body.AsyncIterator?
  private var buffer = ByteBuffer()
  /// Bytes of the buffer known to hold no newline.
  private var scanned = 0

  init(_ body: HTTPClientResponse.Body) { iterator = body.makeAsyncIterator() }

  /// The next line without its newline; nil at the end. An unfinished last line is dropped. Throws `LinkError`.
  func next() async throws -> Data? {
    while true {
      if let line = takeLine() { return line }
      guard buffer.readableBytes <= LinkLimit.lineBytesMax else { throw LinkError.lineTooLong }
      guard var pull = iterator else { return nil }
      iterator = nil
      guard var piece = try await pull.next(isolation: self) else { return nil }
      iterator = pull
      buffer.discardReadBytes()
      buffer.writeBuffer(&piece)
    }
  }

  private func takeLine() -> Data? {
    let view = buffer.readableBytesView
    guard let newline = view.dropFirst(scanned).firstIndex(of: UInt8(ascii: "\n")) else {
      scanned = view.count
      return nil
    }
    let length = newline - view.startIndex
    scanned = 0
    let line = Data(view.prefix(length))
    buffer.moveReaderIndex(forwardBy: length + 1)
    return line
  }
}
