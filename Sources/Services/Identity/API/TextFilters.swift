import API
import Store

/// What a list can be filtered by as text: `name=x`, and Keystone's inexact filters `name__contains=x`,
/// `name__startswith`, `name__endswith`, each also without regard to case: `name__icontains`. Another word behind `__`
/// filters nothing, as in Keystone.
struct TextFilters: Sendable, ExpressibleByDictionaryLiteral {
  private enum Comparator: String, CaseIterable {
    case contains, startswith, endswith
  }

  /// One parameter: what it compares, and how; nil compares the whole.
  private struct Filter {
    let parameter: String
    let column: String
    var comparator: Comparator?
    var folded = false
  }
  private let filters: [Filter]

  init(dictionaryLiteral elements: (String, String)...) {
    filters = elements.flatMap { name, column in
      [Filter(parameter: name, column: column)]
        + Comparator.allCases.flatMap { comparator in
          [
            Filter(parameter: "\(name)__\(comparator.rawValue)", column: column, comparator: comparator),
            // `lower` folds the letters that the engine knows cases of: SQLite those of ASCII.
            Filter(
              parameter: "\(name)__i\(comparator.rawValue)", column: "lower(\(column))", comparator: comparator,
              folded: true),
          ]
        }
    }
  }

  /// Every parameter that is read.
  var parameters: [QueryShape.Parameter] { filters.map { QueryShape.Parameter($0.parameter) } }

  /// What a query asks for; all of it must hold.
  func conditions(_ query: Query) -> [SQL] {
    filters.flatMap { filter -> [SQL] in
      guard let comparator = filter.comparator else {
        return query[filter.parameter].map { ["\(raw: filter.column) = \($0)"] } ?? []
      }
      return query.all(filter.parameter).map { Self.condition(filter.column, comparator, $0, folded: filter.folded) }
    }
  }

  /// Not by LIKE: SQLite's has no regard to case, PostgreSQL's has. Lengths are counted in characters by both engines.
  private static func condition(
    _ column: String, _ comparator: Comparator, _ value: String, folded: Bool
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
