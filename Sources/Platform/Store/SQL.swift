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
      var rest = Substring(part.text)
      while let dollar = rest.firstIndex(of: "$") {
        text += rest[..<dollar]
        let digits = rest[rest.index(after: dollar)...].prefix(while: \.isNumber)
        if let number = Int(digits), part.arguments.indices.contains(number - 1) {
          arguments.append(part.arguments[number - 1])
          text += "$\(arguments.count)"
        } else {
          text += "$" + digits
        }
        rest = digits.endIndex < rest.endIndex ? rest[digits.endIndex...] : ""
      }
      text += rest
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
  public enum Kind: Sendable {
    case unique, foreignKey, busy, corrupt, other
    /// The disk is full. It passes by itself when there is room again.
    case full
    /// The file, or its file system, can only be read.
    case readOnly
    /// The disk refused to read, write, sync or open.
    case io
    /// Too many writes wait already: answer 503 with Retry-After.
    case overloaded
  }
  public var kind: Kind
  public var message: String

  public init(kind: Kind, message: String) {
    self.kind = kind
    self.message = message
  }

  /// Whether the disk is to blame and not what was asked: the same may go well later.
  public var isOutage: Bool {
    switch kind {
    case .full, .readOnly, .io, .corrupt: true
    default: false
    }
  }

  public var description: String { "store: \(message)" }
}
