import Kit
import Store

extension Row {
  /// A JSON object kept as text. Most are empty, and not parsed.
  func document(_ column: Int) throws -> [String: JSONValue] {
    let text = text(column)
    return text == "{}" ? [:] : try JSONValue(parsing: text).object ?? [:]
  }
}

extension [String: JSONValue] {
  /// As it is stored.
  var document: String { isEmpty ? "{}" : JSONValue.object(self).text }
}

/// The rows of one chunk of a list: after an id, at most so many, in the order of ids.
struct Chunk: Sendable {
  var after: String?
  var count: Int

  /// The list's own conditions and this chunk's, with order and limit.
  func clause(_ conditions: [SQL], id: String) -> SQL {
    let all = conditions + (after.map { ["\(raw: id) > \($0)"] } ?? [])
    return "\(SQL.whereAll(all)) ORDER BY \(raw: id) LIMIT \(count)"
  }
}
