import Foundation

/// A request's target taken apart: path and query as they came, and the path's segments decoded.
struct RequestTarget {
  /// The path without its query.
  let path: String
  /// What stands behind the `?`; empty where there is nothing.
  let query: Substring
  /// Percent-decoded; empty ones left out, so that a slash at the end changes nothing.
  let segments: [String]

  init(_ target: String) {
    if let mark = target.utf8.firstIndex(of: UInt8(ascii: "?")) {
      path = String(target[..<mark])
      query = target[target.index(after: mark)...]
    } else {
      path = target
      query = ""
    }
    var copy = path
    segments = copy.withUTF8(Self.split)
  }

  private static func split(_ bytes: UnsafeBufferPointer<UInt8>) -> [String] {
    var segments: [String] = []
    segments.reserveCapacity(6)
    var start = 0
    var encoded = false
    for index in 0...bytes.count {
      let ended = index == bytes.count
      if !ended, bytes[index] != UInt8(ascii: "/") {
        if bytes[index] == UInt8(ascii: "%") { encoded = true }
        continue
      }
      if index > start {
        let text = String(decoding: UnsafeBufferPointer(rebasing: bytes[start..<index]), as: UTF8.self)
        // A NUL is in no name: it stays encoded, and nothing is found by it.
        let decoded = encoded ? text.removingPercentEncoding.flatMap { $0.utf8.contains(0) ? nil : $0 } : nil
        segments.append(decoded ?? text)
      }
      start = index + 1
      encoded = false
    }
    return segments
  }
}
