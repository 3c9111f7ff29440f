import NIOCore

/// Takes HTTP/1.1 requests out of a connection's bytes, one part after the other, with every size bounded.
struct HTTP1Decoder {
  enum Part {
    /// More bytes are needed.
    case none
    case head(RequestHead)
    case body(ByteBuffer)
    case end
    /// Nothing behind it can be understood any more.
    case malformed(MalformedRequest)
  }

  private enum State {
    case head
    case fixed(left: Int)
    case chunkSize
    case chunk(left: Int)
    case chunkEnd
    case trailers(bytes: Int)
    case end
    case failed
  }

  /// A chunk's size with its extensions, and all trailer fields.
  private static let chunkLineMax = 256
  private static let trailersMax = 8 * 1024

  private let limits: EdgeLimits
  private var state = State.head
  /// Bytes of an unfinished head in which its end was looked for already.
  private var searched = 0

  init(_ limits: EdgeLimits) { self.limits = limits }

  /// Whether it is between two requests.
  var isAtStart: Bool { if case .head = state { true } else { false } }

  mutating func next(_ buffer: inout ByteBuffer) -> Part {
    do throws(MalformedRequest) {
      return try part(&buffer)
    } catch {
      state = .failed
      return .malformed(error)
    }
  }

  private mutating func part(_ buffer: inout ByteBuffer) throws(MalformedRequest) -> Part {
    switch state {
    case .failed: return .none
    case .head: return try head(&buffer)
    case .fixed(let left):
      guard let piece = buffer.readSlice(length: min(left, buffer.readableBytes)), piece.readableBytes > 0 else {
        return .none
      }
      state = piece.readableBytes == left ? .end : .fixed(left: left - piece.readableBytes)
      return .body(piece)
    case .end:
      state = .head
      return .end
    case .chunkSize, .chunk, .chunkEnd, .trailers: return try chunked(&buffer)
    }
  }

  private mutating func head(_ buffer: inout ByteBuffer) throws(MalformedRequest) -> Part {
    if searched == 0 { Self.skipEmptyLines(&buffer) }
    guard let length = Self.endOfHead(buffer, from: searched) else {
      searched = max(0, buffer.readableBytes - 3)
      if buffer.readableBytes > limits.headBytesMax { throw tooLarge(buffer) }
      return .none
    }
    searched = 0
    guard length <= limits.headBytesMax else { throw tooLarge(buffer) }
    let limits = limits
    let parsed = buffer.withUnsafeReadableBytes { bytes -> Result<RequestHead, MalformedRequest> in
      do throws(MalformedRequest) {
        return .success(try RequestHead(parsing: UnsafeRawBufferPointer(rebasing: bytes[..<length]), limits: limits))
      } catch {
        return .failure(error)
      }
    }
    buffer.moveReaderIndex(forwardBy: length)
    let head = try parsed.get()
    switch head.framing {
    case .none: state = .end
    case .length(let length): state = .fixed(left: length)
    case .chunked: state = .chunkSize
    }
    return .head(head)
  }

  /// A client may send an empty line after a body (RFC 9112, 2.2).
  private static func skipEmptyLines(_ buffer: inout ByteBuffer) {
    for _ in 0..<2 where buffer.getInteger(at: buffer.readerIndex, as: UInt16.self) == 0x0d0a {
      buffer.moveReaderIndex(forwardBy: 2)
    }
  }

  /// Bytes up to and with the empty line.
  private static func endOfHead(_ buffer: ByteBuffer, from start: Int) -> Int? {
    buffer.withUnsafeReadableBytes { bytes in
      var place = start + 3
      while place < bytes.count {
        // Most bytes are neither: look at every fourth only where nothing is found.
        switch bytes[place] {
        case 0x0a:
          if bytes[place - 1] == 0x0d, bytes[place - 2] == 0x0a, bytes[place - 3] == 0x0d { return place + 1 }
          place += 2
        case 0x0d: place += 1
        default: place += 4
        }
      }
      return nil
    }
  }

  private func tooLarge(_ buffer: ByteBuffer) -> MalformedRequest {
    let start = buffer.readableBytesView.prefix(limits.targetBytesMax + 32)
    if !start.contains(0x0a) {
      return MalformedRequest(414, "The request's target is longer than \(limits.targetBytesMax) bytes.")
    }
    return MalformedRequest(431, "The request's head is larger than \(limits.headBytesMax) bytes.")
  }

  private mutating func chunked(_ buffer: inout ByteBuffer) throws(MalformedRequest) -> Part {
    while true {
      switch state {
      case .chunkSize:
        guard let line = try Self.line(&buffer, Self.chunkLineMax) else { return .none }
        let size = try Self.chunkSize(line)
        state = size == 0 ? .trailers(bytes: 0) : .chunk(left: size)
      case .chunk(let left):
        guard let piece = buffer.readSlice(length: min(left, buffer.readableBytes)), piece.readableBytes > 0 else {
          return .none
        }
        state = piece.readableBytes == left ? .chunkEnd : .chunk(left: left - piece.readableBytes)
        return .body(piece)
      case .chunkEnd:
        guard let line = try Self.line(&buffer, 2) else { return .none }
        guard line.readableBytes == 0 else { throw MalformedRequest(400, "A chunk is longer than its size says.") }
        state = .chunkSize
      case .trailers(let bytes):
        guard let line = try Self.line(&buffer, Self.trailersMax - bytes) else { return .none }
        guard line.readableBytes > 0 else {
          state = .head
          return .end
        }
        state = .trailers(bytes: bytes + line.readableBytes + 2)
      default: return .none
      }
    }
  }

  /// A line without its CR LF; nil where it is not all there.
  private static func line(_ buffer: inout ByteBuffer, _ maximum: Int) throws(MalformedRequest) -> ByteBuffer? {
    let view = buffer.readableBytesView
    guard let end = view.prefix(maximum + 2).firstIndex(of: 0x0a) else {
      guard view.count <= maximum else { throw MalformedRequest(400, "A line of the body's framing is too long.") }
      return nil
    }
    let length = end - view.startIndex
    guard length > 0, view[end - 1] == 0x0d, let line = buffer.readSlice(length: length - 1),
      !line.readableBytesView.contains(0x0d)
    else { throw MalformedRequest(400, "A line of the body's framing does not end with CR LF.") }
    buffer.moveReaderIndex(forwardBy: 2)
    return line
  }

  private static func chunkSize(_ line: ByteBuffer) throws(MalformedRequest) -> Int {
    var size = 0
    var digits = 0
    var isOver = false
    for byte in line.readableBytesView {
      if byte == UInt8(ascii: ";") { break }
      // Blanks may stand before an extension and at the end, nothing else behind them.
      isOver = isOver || digits > 0 && (byte == 0x20 || byte == 0x09)
      if isOver, byte == 0x20 || byte == 0x09 { continue }
      guard !isOver else { throw MalformedRequest(400, "A chunk's size is no number.") }
      guard let value = Character(Unicode.Scalar(byte)).hexDigitValue, digits < 15 else {
        throw MalformedRequest(400, "A chunk's size is no number.")
      }
      size = size << 4 | value
      digits += 1
    }
    guard digits > 0 else { throw MalformedRequest(400, "A chunk has no size.") }
    return size
  }
}
