import Kit
public import Store

/// Something that is always true of a store, whatever happened to it. A broken one means that a hand, a damaged disk or
/// a fault of this program was there.
public struct Invariant: Sendable {
  /// Subjects named of one invariant at the most.
  public static let namedMax = 100

  /// `compute.claims`: the service, and what it is about.
  public var name: String
  /// What is always true, in a sentence for people.
  public var sentence: String
  /// What to do where it is not.
  public var repair: String
  /// What breaks it, in words, at most `namedMax` of them. Runs on a snapshot, and writes nothing.
  public var broken: @Sendable (Transaction) throws -> [String]

  public init(
    _ name: String, _ sentence: String, repair: String, broken: @escaping @Sendable (Transaction) throws -> [String]
  ) {
    self.name = name
    self.sentence = sentence
    self.repair = repair
    self.broken = { Array(try broken($0).prefix(Self.namedMax)) }
  }

  /// Broken by each row of an answer; its first column says what it is.
  public init(_ name: String, _ sentence: String, repair: String, rows: SQL) {
    self.init(name, sentence, repair: repair) { tx in
      try tx.query("\(rows) LIMIT \(Self.namedMax)") { $0.text(0) }
    }
  }

  /// Broken by each value that is no JSON document. `key` is the column, or the expression, that names a row.
  public static func json(_ name: String, table: String, key: String, columns: [String]) -> Invariant {
    Invariant(
      name, "Every document in table \(table) can be read.",
      repair: "Restore a backup of before; if that is too old, ask for help with the rows that are named."
    ) { tx in
      var broken: [String] = []
      try tx.forEach("SELECT \(raw: key), \(raw: columns.joined(separator: ", ")) FROM \(raw: table)") { row in
        for (index, column) in columns.enumerated() where broken.count < namedMax {
          do { _ = try row.json(index + 1) } catch { broken.append("\(table) \(row.text(0)): \(column)") }
        }
      }
      return broken
    }
  }
}

/// A service that says what is always true of its tables.
public protocol InvariantKeeper: Sendable {
  var invariants: [Invariant] { get }
}
