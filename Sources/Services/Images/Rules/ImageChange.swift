import API
import Auth
import Kit

/// One operation of a PATCH: JSON Patch, in the two drafts that Glance's content types name.
struct ImageChange: Sendable {
  enum Operation: String, Sendable, CaseIterable { case add, replace, remove }

  /// `application/openstack-images-v2.0-json-patch` (`{"replace": "/name", …}`) and v2.1 (`{"op": "replace", …}`).
  enum Draft: String, Sendable, CaseIterable {
    case four = "application/openstack-images-v2.0-json-patch"
    case ten = "application/openstack-images-v2.1-json-patch"
  }

  /// Operations of one request at the most.
  static let countMax = 512

  var operation: Operation
  var name: String
  /// null for `remove`.
  var value: JSONValue
  var draft: Draft

  /// Reads a request's operations. Throws 415 for another content type, 400 for what is no list of operations, 403 for
  /// one on an attribute that clients never write.
  static func list(contentType: String?, _ body: JSONValue?) throws -> [ImageChange] {
    let type = (contentType ?? "").split(separator: ";").first.map { $0.lowercased().filter { $0 != " " } } ?? ""
    guard let draft = Draft(rawValue: type) else {
      let accepted = Draft.allCases.map(\.rawValue).joined(separator: ", ")
      throw Fault(
        415, "An image is changed with one of the content types \(accepted).", headers: [("Accept-Patch", accepted)])
    }
    guard let operations = body?.array, operations.count <= countMax else {
      throw Fault.badRequest("The body must be an array of at most \(countMax) operations.")
    }
    return try operations.map { try ImageChange($0, draft) }
  }

  private init(_ json: JSONValue, _ draft: Draft) throws {
    guard let members = json.object else { throw Fault.badRequest("An operation must be an object.") }
    self.draft = draft
    let pointer: JSONValue?
    switch draft {
    case .ten:
      guard let operation = members["op"]?.string.flatMap({ Operation(rawValue: $0) }) else {
        throw Fault.badRequest("The member op of an operation must be add, replace or remove.")
      }
      (self.operation, pointer) = (operation, members["path"])
    case .four:
      let named = Operation.allCases.filter { members[$0.rawValue] != nil }
      guard named.count == 1, let operation = named.first else {
        throw Fault.badRequest("An operation must have exactly one of the members add, replace and remove.")
      }
      (self.operation, pointer) = (operation, members[operation.rawValue])
    }
    guard let path = pointer?.string else { throw Fault.badRequest("An operation needs a path.") }
    name = try Self.attribute(path)
    try ImageAttributes.checkWritable(name)
    value = members["value"] ?? .null
    guard operation == .remove || members["value"] != nil else {
      throw Fault.badRequest("The operation \(operation.rawValue) needs a value.")
    }
  }

  /// The attribute a JSON pointer of one step names: `/name`, with `~1` for a slash and `~0` for a tilde.
  private static func attribute(_ pointer: String) throws -> String {
    let steps = pointer.split(separator: "/", omittingEmptySubsequences: false)
    guard steps.count >= 2, steps[0].isEmpty, !steps[1].isEmpty else {
      throw Fault.badRequest("\(pointer.quoted) is no JSON pointer to an attribute of an image.")
    }
    let name = String(steps[1]).replacing("~1", with: "/").replacing("~0", with: "~")
    if steps.count > 2 {
      // `/locations/0` and the like: what must never be written is said first.
      try ImageAttributes.checkWritable(name)
      throw Fault.badRequest("\(pointer.quoted) goes deeper than an attribute of an image.")
    }
    return name
  }

  /// Applies the operation. Throws what `ImageAttributes.set` throws, 403 for removing what every image has, 409 for
  /// a property that is not there, or (in draft 4) is there already.
  func apply(to image: inout Image, by caller: Principal) throws {
    let exists = ImageAttributes.base.contains(name) || image.properties[name] != nil
    switch operation {
    case .remove:
      guard !ImageAttributes.base.contains(name) else {
        throw Fault.forbidden("Attribute \(name.quoted) cannot be removed.")
      }
      guard image.properties.removeValue(forKey: name) != nil else { throw missing }
    case .replace:
      guard exists else { throw missing }
      try ImageAttributes.set(name, value, on: &image, by: caller)
    case .add:
      guard !exists || draft == .ten else { throw Fault.conflict("Property \(name.quoted) is there already.") }
      try ImageAttributes.set(name, value, on: &image, by: caller)
    }
  }

  private var missing: Fault { Fault.conflict("Property \(name.quoted) does not exist.") }
}
