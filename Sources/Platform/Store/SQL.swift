public import Kit

/// A value bound to a statement or read from a row.
public enum SQLValue: Sendable, Hashable {
  case null
  case int(Int64)
  case double(Double)
  case text(String)
  case blob([UInt8])
}

/// What can be bound to a statement.
public protocol SQLBindable {
  var sqlValue: SQLValue { get }
}

extension String: SQLBindable { public var sqlValue: SQLValue { .text(self) } }
extension Int: SQLBindable { public var sqlValue: SQLValue { .int(Int64(self)) } }
extension Int64: SQLBindable { public var sqlValue: SQLValue { .int(self) } }
extension Bool: SQLBindable { public var sqlValue: SQLValue { .int(self ? 1 : 0) } }
extension Double: SQLBindable { public var sqlValue: SQLValue { .double(self) } }
extension Timestamp: SQLBindable { public var sqlValue: SQLValue { .int(microseconds) } }
extension SQLValue: SQLBindable { public var sqlValue: SQLValue { self } }
extension Array: SQLBindable where Element == UInt8 { public var sqlValue: SQLValue { .blob(self) } }

/// A statement. `"SELECT * FROM server WHERE id = \(id)"`: an interpolation is a bound parameter (`$1`, `$2`, …,
/// which both engines take), never text. `\(raw:)` is for text that the program itself wrote.
public struct SQL: Sendable, ExpressibleByStringInterpolation {
  public private(set) var text: String
  public private(set) var arguments: [SQLValue]

  public init(stringLiteral value: String) {
    text = value
    arguments = []
  }

  public init(stringInterpolation: Interpolation) {
    text = stringInterpolation.text
    arguments = stringInterpolation.arguments
  }

  /// Statement text without parameters, from the program's own constants (migrations).
  public init(raw text: String) {
    self.text = text
    arguments = []
  }

  public struct Interpolation: StringInterpolationProtocol {
    var text = ""
    var arguments: [SQLValue] = []

    public init(literalCapacity: Int, interpolationCount: Int) {
      text.reserveCapacity(literalCapacity + 3 * interpolationCount)
    }

    public mutating func appendLiteral(_ literal: String) { text += literal }

    public mutating func appendInterpolation(_ value: some SQLBindable) {
      arguments.append(value.sqlValue)
      text += "$\(arguments.count)"
    }

    /// NULL where there is no value.
    public mutating func appendInterpolation(_ value: (some SQLBindable)?) {
      appendInterpolation(value?.sqlValue ?? .null)
    }

    /// Bound values with commas between them, for `IN (…)`. An empty list becomes `NULL`, which nothing is in.
    public mutating func appendInterpolation(list values: [some SQLBindable]) {
      if values.isEmpty { text += "NULL" }
      for (index, value) in values.enumerated() {
        if index > 0 { text += ", " }
        appendInterpolation(value)
      }
    }

    /// Text of the program's own: column and table names, sort orders. Never anything from outside.
    public mutating func appendInterpolation(raw text: String) { self.text += text }

    /// Another statement's text with its parameters renumbered: to build a WHERE from parts.
    public mutating func appendInterpolation(_ part: SQL) { append(part) }

    mutating func append(_ part: SQL) {
      // By bytes: a list of a thousand values is a text of kilobytes.
      let bytes = part.text.utf8
      var rest = bytes[...]
      while let dollar = rest.firstIndex(of: UInt8(ascii: "$")) {
        text += part.text[rest.startIndex..<dollar]
        let digits = rest[bytes.index(after: dollar)...].prefix { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
        if let number = Int(Substring(digits)), part.arguments.indices.contains(number - 1) {
          arguments.append(part.arguments[number - 1])
          text += "$\(arguments.count)"
        } else {
          text += "$" + part.text[digits.startIndex..<digits.endIndex]
        }
        rest = rest[digits.endIndex...]
      }
      text += part.text[rest.startIndex...]
    }
  }

  /// Throws `StoreError` of kind `unstorable` for text with a NUL, which PostgreSQL cannot hold.
  func refuseUnstorable() throws {
    for case .text(let text) in arguments where text.utf8.contains(0) {
      throw StoreError(kind: .unstorable, message: "text with a NUL cannot be stored")
    }
  }

  /// The parts with `separator` between them; an empty list gives empty text.
  public static func joined(_ parts: [SQL], separator: String) -> SQL {
    var interpolation = Interpolation(literalCapacity: 64, interpolationCount: parts.count)
    for (index, part) in parts.enumerated() {
      if index > 0 { interpolation.appendLiteral(separator) }
      interpolation.append(part)
    }
    return SQL(stringInterpolation: interpolation)
  }

  /// `WHERE a AND b`, or nothing where there is no condition.
  public static func whereAll(_ conditions: [SQL]) -> SQL {
    conditions.isEmpty ? "" : "WHERE \(joined(conditions, separator: " AND "))"
  }
}

/// What the store refused, by kind.
public struct StoreError: Error, Sendable, CustomStringConvertible {
  public enum Kind: Sendable, CaseIterable {
    case unique, foreignKey, busy, corrupt, other
    /// The disk is full. It passes by itself when there is room again.
    case full
    /// The file, or its file system, can only be read.
    case readOnly
    /// The disk refused to read, write, sync or open.
    case io
    /// Too many writes wait already: answer 503 with Retry-After.
    case overloaded
    /// The server is gone, restarts or does not answer; nothing was kept. Connections are opened anew by themselves.
    case unavailable
    /// The server went away while it committed: what was asked may have been kept, or not.
    case outcomeUnknown
    /// Text that cannot be stored: it holds a NUL.
    case unstorable
  }
  public var kind: Kind
  public var message: String

  public init(kind: Kind, message: String) {
    self.kind = kind
    self.message = message
  }

  /// Whether the disk or the server is to blame and not what was asked: the same may go well later.
  public var isOutage: Bool {
    switch kind {
    case .full, .readOnly, .io, .corrupt, .unavailable, .outcomeUnknown: true
    default: false
    }
  }

  public var description: String { "store: \(message)" }
}
