import API
import Auth
import Kit
import Store

/// An access rule as a request for an application credential says it: one that the user has, by its id, or a new one.
struct AccessRuleInput: Sendable {
  static let methods = ["DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"]
  static let pathMax = 225
  /// Access rules of one application credential at the most.
  static let countMax = 100

  private var id: String?
  private var rule: AccessRule?

  /// Throws `Fault` 400.
  init(_ fields: JSONFields) throws {
    id = try fields.optionalString("id", 1...64)
    if id != nil, !fields.has("path") { return }
    let path = try fields.string("path", 1...Self.pathMax)
    guard path.hasPrefix("/") else { throw fields.invalid("path", "it must begin with a slash") }
    guard let method = try fields.optionalChoice("method", Self.methods) else {
      throw fields.invalid("method", "it is required")
    }
    rule = AccessRule(
      id: Identifier.hex(), service: try fields.string("service", 1...64), method: method, path: path)
  }

  /// The user's rule, made where there is none like it. Throws `Fault` 404.
  func resolved(_ tx: Transaction, user: String) throws -> AccessRule {
    if let id {
      guard let known = try AccessRuleTable.find(tx, user: user, id) else { throw Fault.noSuch("access rule", id) }
      return known
    }
    guard let rule else { throw Fault.badRequest("An access rule needs a service, a method and a path.") }
    return try AccessRuleTable.same(tx, user: user, as: rule)
  }
}
