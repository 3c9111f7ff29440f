import API
import Store

/// What a list can be filtered by as text: `name=x`, and Keystone's inexact filters `name__contains=x`,
/// `name__startswith`, `name__endswith`, each also without regard to case: `name__icontains`. Another word behind `__`
/// filters nothing, as in Keystone.
struct TextFilters: Sendable, ExpressibleByDictionaryLiteral {
  private enum Comparator: String, CaseIterable {
    case contains, startswith, endswith
  }

  /// A parameter's name with the column it compares.
  private let columns: [(name: String, column: String)]

  init(dictionaryLiteral elements: (String, String)...) { columns = elements.map { (name: $0, column: $1) } }

  /// Every parameter that is read.
  var parameters: [QueryShape.Parameter] {
    columns.flatMap { name, _ in
      [QueryShape.Parameter(name)]
        + Comparator.allCases.flatMap { ["\(name)__\($0)", "\(name)__i\($0)"] }.map { QueryShape.Parameter($0) }
    }
  }

  /// What a query asks for; all of it must hold.
  func conditions(_ query: Query) -> [SQL] {
    columns.flatMap { name, column -> [SQL] in
      var found: [SQL] = query[name].map { ["\(raw: column) = \($0)"] } ?? []
      for comparator in Comparator.allCases {
        found += query.all("\(name)__\(comparator)").map { Self.condition(column, comparator, $0) }
        // `lower` folds the letters that the engine knows cases of: SQLite those of ASCII.
        found += query.all("\(name)__i\(comparator)").map { value in
          Self.condition("lower(\(column))", comparator, value, folded: true)
        }
      }
      return found
    }
  }

  /// Not by LIKE: SQLite's has no regard to case, PostgreSQL's has. Lengths are counted in characters by both engines.
  private static func condition(
    _ column: String, _ comparator: Comparator, _ value: String, folded: Bool = false
  ) -> SQL {
    if value.isEmpty { return "\(raw: column) IS NOT NULL" }
    let text: SQL = folded ? "lower(CAST(\(value) AS TEXT))" : "CAST(\(value) AS TEXT)"
    return switch comparator {
    case .contains: "replace(\(raw: column), \(text), '') <> \(raw: column)"
    case .startswith: "substr(\(raw: column), 1, length(\(text))) = \(text)"
    case .endswith:
      """
      (length(\(raw: column)) >= length(\(text))
        AND substr(\(raw: column), length(\(raw: column)) - length(\(text)) + 1) = \(text))
      """
    }
  }
}
