import Kit
import Synchronization

/// Counts commits, for those who keep what they read as long as nothing of it was written.
final class CommitCount: Sendable {
  private struct Counts {
    /// Commits that may have changed any table.
    var unknown: UInt64 = 0
    var byFamily: [String: UInt64] = [:]
  }
  private let counts = Mutex(Counts())
  /// How many writes were committed together, each time.
  let batches = Histogram(bounds: [1, 2, 4, 8, 16, 32, 64, 128], unit: 1)

  /// Commits that may have changed tables of the family.
  func number(of family: String) -> UInt64 { counts.withLock { $0.unknown + $0.byFamily[family, default: 0] } }

  func grow(_ families: Set<TableFamily>) {
    counts.withLock { counts in
      for family in families {
        switch family {
        case .named(let name): counts.byFamily[name, default: 0] += 1
        case .unknown: counts.unknown += 1
        }
      }
    }
  }
}

/// The tables whose names begin with one word, as `identity` in `identity_user`: those of a service or a part of one.
/// No foreign key with an action may lead from one family into another.
enum TableFamily: Hashable {
  case named(String)
  /// A statement that does not begin with what it changes.
  case unknown

  /// The family that a statement changes, from its text.
  init(changedBy text: String) {
    let words = text.split(maxSplits: 6, omittingEmptySubsequences: true, whereSeparator: \.isWhitespace)
    let table =
      switch words.first {
      case "UPDATE": words.dropFirst().first
      case "DELETE": words.dropFirst(2).first
      case "INSERT", "REPLACE": words.firstIndex(of: "INTO").flatMap { words.dropFirst($0 + 1).first }
      default: nil as Substring?
      }
    let name = table?.prefix { $0.isASCII && ($0.isLetter || $0.isNumber) } ?? ""
    // `UPDATE OR …` has another word there, which is no table's.
    self = name.isEmpty || name == "OR" ? .unknown : .named(String(name))
  }
}
