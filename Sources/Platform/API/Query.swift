import Foundation

/// The query of a request's URL: names with their values in order.
public struct Query: Sendable {
  /// Parameters taken from one URL at the most.
  public static let parametersMax = 200

  public let items: [(name: String, value: String)]
  /// Told of what a handler reads; nil in a release build.
  private var reads: UndeclaredReads?

  public init(_ items: [(name: String, value: String)]) { self.items = items }

  /// Reads what stands behind the `?`. Throws `Fault` 400 where it is no UTF-8 or too long.
  init(parsing text: Substring) throws {
    let parts = text.split(separator: "&")
    guard parts.count <= Self.parametersMax else { throw Fault.badRequest("The query has too many parameters.") }
    items = try parts.map { part in
      let halves = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      func decode(_ half: Substring) throws -> String {
        // Most need none, and this is on every request's way.
        let isPlain = half.utf8.allSatisfy { $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "%") }
        if isPlain { return String(half) }
        guard let decoded = half.replacing("+", with: " ").removingPercentEncoding else {
          throw Fault.badRequest("The query is not percent-encoded UTF-8.")
        }
        return decoded
      }
      return (try decode(halves[0]), halves.count > 1 ? try decode(halves[1]) : "")
    }
  }

  /// The query as a route takes it. Throws `Fault` 400 where it does not.
  func checked(for route: Route, _ version: Microversion, _ reads: UndeclaredReads?) throws -> Query {
    try route.query.check(self, version)
    guard let reads else { return self }
    var watched = self
    watched.reads = reads
    return watched
  }

  /// The first value of a name; nil where it does not appear.
  public subscript(name: String) -> String? {
    reads?.noteParameter(name)
    return items.first { $0.name == name }?.value
  }

  /// Every value of a name, in order.
  public func all(_ name: String) -> [String] {
    reads?.noteParameter(name)
    return items.filter { $0.name == name }.map(\.value)
  }

  public func has(_ name: String) -> Bool {
    reads?.noteParameter(name)
    return items.contains { $0.name == name }
  }

  /// A flag: `true`/`1`/`yes`/`on`/`t`/`y` or empty is true, their contraries false, in any case.
  /// Throws `Fault` 400 for anything else.
  public func bool(_ name: String) throws -> Bool? {
    guard let value = self[name] else { return nil }
    guard let truth = Self.truth(of: value) else {
      throw Fault.badRequest("\(value.quoted) is not a boolean for query parameter \(name.quoted).")
    }
    return truth
  }

  /// What a word says of true and false; nil where it says nothing.
  static func truth(of word: String) -> Bool? {
    switch word.lowercased() {
    case "true", "1", "yes", "on", "t", "y", "": true
    case "false", "0", "no", "off", "f", "n": false
    default: nil
    }
  }

  /// A number that is not negative. Throws `Fault` 400 for anything else.
  public func natural(_ name: String) throws -> Int? {
    guard let value = self[name] else { return nil }
    guard let number = Int(value), number >= 0 else {
      throw Fault.badRequest("\(value.quoted) is not a non-negative integer for query parameter \(name.quoted).")
    }
    return number
  }
}
