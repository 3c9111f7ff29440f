import API
import Kit
import Store

/// What a list request asks for: filters, order, page and members.
struct ListRequest: Sendable {
  /// Rows read from the store at a time.
  static let chunkRowsMax = 1000
  static let sortKeysMax = 8

  struct SortKey: Sendable {
    var expression: String
    var order: ListField.Order
    var ascending: Bool
  }
  /// Where in the order a page begins: the values of the sort keys of the row before.
  typealias Position = [SQLValue]

  var conditions: [SQL]
  /// Ends with the id, so that the order is total.
  var sortKeys: [SortKey]
  var limit: Int?
  var marker: String?
  var reverse: Bool
  var wanted: Set<String>?

  private static let reserved: Set<String> = [
    "fields", "sort_key", "sort_dir", "limit", "marker", "page_reverse", "tags", "tags-any", "not-tags", "not-tags-any",
  ]

  /// Throws `Fault` 400 for filters, keys or values that are not known.
  init<R: StoredResource>(_ call: Call, _ type: R.Type) throws {
    let known = ListField.standard.merging(type.listFields) { $1 }
    var values: [String: [String]] = [:]
    for item in call.query.items where !Self.reserved.contains(item.name) {
      values[item.name, default: []].append(item.value)
    }
    conditions = try values.sorted { $0.key < $1.key }.compactMap { name, values in
      try known[name]?.condition(values)
    }
    conditions += try Self.tagConditions(call.query)
    sortKeys = try Self.sortKeys(call.query, known)
    limit = try call.query.natural("limit").flatMap { $0 == 0 ? nil : $0 }
    marker = call.query["marker"].flatMap { $0.isEmpty ? nil : $0 }
    reverse = try call.query.bool("page_reverse") ?? false
    let fields = call.query.all("fields").filter { !$0.isEmpty }
    wanted = fields.isEmpty ? nil : Set(fields)
  }

  private static func sortKeys(_ query: Query, _ known: [String: ListField]) throws -> [SortKey] {
    let names = query.all("sort_key")
    let directions = query.all("sort_dir")
    guard names.count == directions.count || directions.isEmpty, names.count <= sortKeysMax else {
      throw Fault.badRequest("The number of sort_keys and sort_dirs must be same.", type: "HTTPBadRequest")
    }
    var keys: [SortKey] = []
    for (index, name) in names.enumerated() {
      guard let field = known[name], let expression = field.sortExpression else {
        throw Fault.badRequest("\(name.quoted) is invalid attribute for sort keys.", type: "HTTPBadRequest")
      }
      let direction = directions.isEmpty ? "asc" : directions[index]
      guard direction == "asc" || direction == "desc" else {
        throw Fault.badRequest(
          "\(direction.quoted) is invalid value for sort_dirs, valid value is 'asc' and 'desc'.",
          type: "HTTPBadRequest")
      }
      keys.append(SortKey(expression: expression, order: field.order, ascending: direction == "asc"))
    }
    if !names.contains("id") { keys.append(SortKey(expression: "id", order: .text, ascending: true)) }
    return keys
  }

  private static func tagConditions(_ query: Query) throws -> [SQL] {
    func tags(_ name: String) -> [String] {
      query.all(name).flatMap { $0.split(separator: ",").map(String.init) }
    }
    func any(_ tags: [String]) -> SQL { "id IN (SELECT resource_id FROM network_tag WHERE tag IN (\(list: tags)))" }
    func all(_ tags: [String]) -> SQL {
      "(\(SQL.joined(tags.map { any([$0]) }, separator: " AND ")))"
    }
    var conditions: [SQL] = []
    if query.has("tags"), !tags("tags").isEmpty { conditions.append(all(tags("tags"))) }
    if query.has("tags-any") { conditions.append(any(tags("tags-any"))) }
    if query.has("not-tags"), !tags("not-tags").isEmpty { conditions.append("NOT \(all(tags("not-tags")))") }
    if query.has("not-tags-any") { conditions.append("NOT \(any(tags("not-tags-any")))") }
    return conditions
  }

  /// `ORDER BY` of a page; turned round where the page is read backwards.
  var orderBy: SQL {
    let parts = sortKeys.map { "\($0.expression) \($0.ascending != reverse ? "ASC" : "DESC")" }
    return "ORDER BY \(raw: parts.joined(separator: ", "))"
  }

  /// The condition that a row comes after `position`.
  func after(_ position: Position) -> SQL {
    var alternatives: [SQL] = []
    for (index, key) in sortKeys.enumerated() where index < position.count {
      var parts: [SQL] = zip(sortKeys, position).prefix(index).map { "\(raw: $0.expression) = \($1)" }
      let sign = key.ascending != reverse ? ">" : "<"
      parts.append("\(raw: key.expression) \(raw: sign) \(position[index])")
      alternatives.append("(\(SQL.joined(parts, separator: " AND ")))")
    }
    return "(\(SQL.joined(alternatives, separator: " OR ")))"
  }

  /// The marker's place in the order. Throws `Fault` 400 where it names nothing the scope sees.
  func position<R: StoredResource>(_ tx: Transaction, of id: String, _ type: R.Type, _ scope: Scope) throws -> Position
  {
    let expressions = sortKeys.map(\.expression).joined(separator: ", ")
    let conditions: [SQL] = ["id = \(id)"] + (scope.visible(type).map { [$0] } ?? [])
    let found = try tx.first("SELECT \(raw: expressions) FROM \(raw: type.kind) \(SQL.whereAll(conditions))") { row in
      sortKeys.enumerated().map { index, key in
        key.order == .text ? SQLValue.text(row.text(index)) : .int(Int64(row.int(index)))
      }
    }
    guard let found else {
      throw Fault.badRequest("marker \(id.quoted) names no \(type.singular).", type: "HTTPBadRequest")
    }
    return found
  }
}
