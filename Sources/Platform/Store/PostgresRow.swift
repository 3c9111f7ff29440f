import CPostgres
import Foundation

/// A row of PostgreSQL's answer, whose values came as text. They are read as SQLite would give them: a truth is 0 or 1,
/// a sum is a number.
struct PostgresRow: Row {
  let result: OpaquePointer
  let row: Int32
  /// `bytea`'s number in PostgreSQL's catalogue.
  private static let byteaType: Oid = 17

  func isNull(_ column: Int) -> Bool { PQgetisnull(result, row, Int32(column)) == 1 }

  func text(_ column: Int) -> String { String(decoding: bytes(column), as: UTF8.self) }

  func int(_ column: Int) -> Int { Self.integer(bytes(column)) }

  func double(_ column: Int) -> Double { PQgetvalue(result, row, Int32(column)).map { strtod($0, nil) } ?? 0 }

  func blob(_ column: Int) -> [UInt8] {
    let text = bytes(column)
    guard PQftype(result, Int32(column)) == Self.byteaType else { return Array(text) }
    // "\x" and two digits a byte.
    return stride(from: 2, to: text.count - 1, by: 2).map { Self.digit(text[$0]) << 4 | Self.digit(text[$0 + 1]) }
  }

  private func bytes(_ column: Int) -> UnsafeBufferPointer<UInt8> {
    guard let value = PQgetvalue(result, row, Int32(column)) else { return UnsafeBufferPointer(start: nil, count: 0) }
    let count = Int(PQgetlength(result, row, Int32(column)))
    return UnsafeBufferPointer(start: UnsafeRawPointer(value).assumingMemoryBound(to: UInt8.self), count: count)
  }

  private static func digit(_ character: UInt8) -> UInt8 {
    character <= UInt8(ascii: "9") ? character - UInt8(ascii: "0") : character - UInt8(ascii: "a") + 10
  }

  /// The whole number that the text begins with; PostgreSQL's `t` is 1.
  static func integer(_ text: UnsafeBufferPointer<UInt8>) -> Int {
    var number = 0
    for (index, character) in text.enumerated() {
      switch character {
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        // Downwards, for the smallest number has no positive of its own.
        let (tens, tooBig) = number.multipliedReportingOverflow(by: 10)
        let (next, tooBigToo) = tens.subtractingReportingOverflow(Int(character - UInt8(ascii: "0")))
        if tooBig || tooBigToo { return text.first == UInt8(ascii: "-") ? .min : .max }
        number = next
      case UInt8(ascii: "-") where index == 0: continue
      case UInt8(ascii: "t") where index == 0: return 1
      default: return text.first == UInt8(ascii: "-") ? number : -number
      }
    }
    return text.first == UInt8(ascii: "-") ? number : -number
  }
}
