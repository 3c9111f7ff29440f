import API
import Kit

extension JSONFields {
  /// A name: not empty, not only blanks.
  func name(_ length: Int) throws -> String {
    try checked(try string("name", 1...length))
  }

  /// A new name; nil where the request does not say one.
  func newName(_ length: Int) throws -> String? {
    guard has("name") else { return nil }
    return try name(length)
  }

  private func checked(_ name: String) throws -> String {
    guard name.contains(where: { !$0.isWhitespace }) else { throw invalid("name", "it must not be blank") }
    return name
  }

  /// A free text; null counts as empty, nil is absent.
  func description() throws -> String? {
    switch try patchString("description", 0...65536) {
    case .absent: nil
    case .null: ""
    case .value(let text): text
    }
  }

  /// A flag that must not be null; nil where it is absent.
  func flag(_ name: String) throws -> Bool? { has(name) ? try bool(name) : nil }

  /// What remains of a new resource's members: kept as Keystone keeps them.
  func newExtra() -> [String: JSONValue] {
    rest().filter { !Self.ours.contains($0.key) }
  }

  /// What remains, laid over what was kept before.
  func extra(over old: [String: JSONValue]) -> [String: JSONValue] { old.merging(newExtra()) { $1 } }

  /// Made by us, whatever a request says.
  private static let ours: Set<String> = ["id", "links"]

  /// `options` with only `immutable` in it. Throws `Fault` 400 for another.
  func immutableOption(over old: [String: JSONValue] = [:]) throws -> [String: JSONValue] {
    guard let fields = try optionalObject("options") else { return old }
    var options = old
    switch try fields.patchBool("immutable") {
    case .absent: break
    case .null: options["immutable"] = nil
    case .value(let flag): options["immutable"] = .bool(flag)
    }
    try fields.finish()
    return options
  }

  /// Refuses a member that would change what stays as it is.
  func unchanged(_ name: String, _ old: String?) throws {
    guard let value = value(name) else { return }
    guard value.string == old else { throw invalid(name, "it cannot be changed") }
  }
}
