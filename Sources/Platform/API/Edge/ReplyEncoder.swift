import Kit
import NIOCore

/// Writes an answer's head as HTTP/1.1, straight into bytes.
struct ReplyEncoder {
  /// What becomes of the connection.
  enum Ending {
    case keepAlive
    /// What HTTP/1.0 must be told.
    case keepAliveSaid
    case close
  }

  private static let lines: [[UInt8]] = (100..<600).map { Array("HTTP/1.1 \($0) \(phrase($0))\r\n".utf8) }
  private var dateSecond: Int64 = 0
  private var dateLine: [UInt8] = []

  /// Writes the head; true where the body that follows must be chunked. HTTP/1.0 knows no chunks: there a body of
  /// unknown length ends with the connection.
  mutating func head(_ reply: Reply, _ ending: Ending, isHTTP10: Bool = false, into buffer: inout ByteBuffer) -> Bool {
    let status = (100..<600).contains(reply.status) ? reply.status : 500
    buffer.writeBytes(Self.lines[status - 100])
    writeDate(into: &buffer)
    var isChunked = false
    switch reply.body {
    case .none:
      let saysLength = reply.headers.contains { $0.name == "Content-Length" }
      if status >= 200, status != 204, status != 304, !saysLength { buffer.writeStaticString("Content-Length: 0\r\n") }
    case .bytes(let bytes, let type):
      Self.field("Content-Type", type, into: &buffer)
      Self.length(bytes.count, into: &buffer)
    case .stream(let type, let length, _):
      Self.field("Content-Type", type, into: &buffer)
      if let length {
        Self.length(length, into: &buffer)
      } else if !isHTTP10 {
        isChunked = true
        buffer.writeStaticString("Transfer-Encoding: chunked\r\n")
      }
    }
    for (name, value) in reply.headers { Self.field(name, value, into: &buffer) }
    switch ending {
    case .keepAlive: break
    case .keepAliveSaid: buffer.writeStaticString("Connection: keep-alive\r\n")
    case .close: buffer.writeStaticString("Connection: close\r\n")
    }
    buffer.writeStaticString("\r\n")
    return isChunked
  }

  private static func length(_ count: Int, into buffer: inout ByteBuffer) {
    buffer.writeStaticString("Content-Length: ")
    buffer.writeString(String(count))
    buffer.writeStaticString("\r\n")
  }

  /// A value may hold what a stranger gave: a control character in it would begin a field or an answer of his own.
  static func field(_ name: String, _ value: String, into buffer: inout ByteBuffer) {
    buffer.writeString(name)
    buffer.writeStaticString(": ")
    if value.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }) {
      buffer.writeString(clean(value))
    } else {
      buffer.writeString(value)
    }
    buffer.writeStaticString("\r\n")
  }

  /// With a blank in the place of each control character.
  static func clean(_ value: String) -> String {
    String(decoding: value.utf8.map { $0 < 0x20 || $0 == 0x7f ? 0x20 : $0 }, as: UTF8.self)
  }

  private mutating func writeDate(into buffer: inout ByteBuffer) {
    let second = Timestamp.now().microseconds / 1_000_000
    if second != dateSecond {
      dateSecond = second
      dateLine = Array("Date: \(Self.date(second))\r\n".utf8)
    }
    buffer.writeBytes(dateLine)
  }

  /// `Sun, 06 Nov 1994 08:49:37 GMT`.
  static func date(_ second: Int64) -> String {
    let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    let text = Timestamp(microseconds: second * 1_000_000).iso8601
    let month = Int(text.dropFirst(5).prefix(2)) ?? 1
    return days[Int(second / 86_400 % 7)] + ", " + text.dropFirst(8).prefix(2) + " " + months[month - 1] + " "
      + text.prefix(4) + " " + text.dropFirst(11).prefix(8) + " GMT"
  }

  /// The reason phrase of a status.
  private static func phrase(_ status: Int) -> String {
    switch status {
    case 100: "Continue"
    case 200: "OK"
    case 201: "Created"
    case 202: "Accepted"
    case 203: "Non-Authoritative Information"
    case 204: "No Content"
    case 206: "Partial Content"
    case 304: "Not Modified"
    case 200..<300: "Success"
    case 301..<400: status == 300 ? "Multiple Choices" : "Redirect"
    case 500: "Internal Server Error"
    default: FaultStyle.title(status)
    }
  }
}
