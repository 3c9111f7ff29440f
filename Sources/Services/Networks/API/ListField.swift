import API
import Store

/// How a member of a resource can be asked for in a list: the condition its values give, and what it is sorted by.
struct ListField: Sendable {
  enum Order: Sendable { case text, number }

  /// The condition that any of the values holds. Throws `Fault` 400 for values that cannot be.
  let condition: @Sendable ([String]) throws -> SQL
  /// The expression to sort by, never NULL; nil where it cannot be sorted by.
  var sortExpression: String?
  var order = Order.text
  /// What the list's query says of a value.
  var kind = QueryShape.Kind.text

  static func text(_ column: String) -> ListField {
    ListField(
      condition: { "\(raw: column) IN (\(list: $0))" }, sortExpression: "COALESCE(\(column), '')")
  }

  /// Text that may be NULL: an empty value asks for NULL.
  static func optionalText(_ column: String) -> ListField {
    ListField(
      condition: { values in "COALESCE(\(raw: column), '') IN (\(list: values))" },
      sortExpression: "COALESCE(\(column), '')")
  }

  static func bool(_ column: String) -> ListField {
    ListField(
      condition: { values in
        let flags = try values.map { value in
          guard let flag = try Query([("filter", value)]).bool("filter") else {
            throw Fault.badRequest("\(value.quoted) is not a boolean.", type: "HTTPBadRequest")
          }
          return flag
        }
        return "\(raw: column) IN (\(list: flags))"
      }, sortExpression: column, order: .number, kind: .boolean)
  }

  static func int(_ column: String) -> ListField {
    ListField(
      condition: { values in
        let numbers = try values.map { value in
          guard let number = Int(value) else {
            throw Fault.badRequest("\(value.quoted) is not an integer.", type: "HTTPBadRequest")
          }
          return number
        }
        return "\(raw: column) IN (\(list: numbers))"
      }, sortExpression: "COALESCE(\(column), -1)", order: .number, kind: .integer)
  }

  /// The same constant for every row, such as a status that is always ACTIVE.
  static func constant(_ value: String) -> ListField {
    ListField(condition: { $0.contains(value) ? "1 = 1" : "1 = 0" })
  }

  /// `id` is among the answers of a subquery.
  static func ids(_ subquery: @escaping @Sendable ([String]) throws -> SQL) -> ListField {
    ListField(condition: { "id IN (\(try subquery($0)))" })
  }

  /// What every resource has.
  static let standard: [String: ListField] = [
    "id": .text("id"), "name": .text("name"), "description": .text("description"),
    "project_id": .text("project_id"), "tenant_id": .text("project_id"), "revision_number": .int("revision_number"),
    "created_at": ListField(condition: { _ in "1 = 1" }, sortExpression: "created_at", order: .number),
    "updated_at": ListField(condition: { _ in "1 = 1" }, sortExpression: "updated_at", order: .number),
  ]
}
