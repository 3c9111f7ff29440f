public import Kit

/// What a changing request says of a member: nothing, null, or a value.
public enum Patch<Value: Sendable>: Sendable {
  case absent
  case null
  case value(Value)

  /// The value; nil where it is absent or null.
  public var value: Value? { if case .value(let value) = self { value } else { nil } }
  public var isAbsent: Bool { if case .absent = self { true } else { false } }

  /// What holds after the request: `old` where it says nothing.
  public func applied(to old: Value?) -> Value? {
    switch self {
    case .absent: old
    case .null: nil
    case .value(let value): value
    }
  }
}

/// Reads the members of a JSON object by name and kind. What was not asked for is refused by `finish`.
///
/// Every reader throws `Fault` 400 that names the member.
public final class JSONFields {
  private let members: [String: JSONValue]
  private let path: String
  private var taken: Set<String> = []
  /// What the route has declared of these members, and who is told when something else is asked for.
  private let watch: (declared: JSONShape, reads: UndeclaredReads)?

  public init(_ members: [String: JSONValue], path: String) {
    self.members = members
    self.path = path
    watch = nil
  }

  init(_ members: [String: JSONValue], path: String, _ shape: JSONShape?, _ reads: UndeclaredReads?) {
    self.members = members
    self.path = path
    watch = reads.flatMap { reads in shape.map { ($0, reads) } }
  }

  private func noteRead(_ name: String) {
    guard let watch, watch.declared.members?.declares(name) == false else { return }
    watch.reads.noteMember(full(name))
  }

  /// Members of a member, watched as these are.
  private func inner(_ members: [String: JSONValue], _ path: String, _ shape: JSONShape?) -> JSONFields {
    JSONFields(members, path: path, shape, watch?.reads)
  }

  /// What is declared of a member; nil where that depends on the microversion.
  private func declared(_ name: String) -> JSONShape? {
    guard let fields = watch?.declared.members?.byName[name], fields.count == 1 else { return nil }
    return fields[0].shape
  }

  /// Names of all members.
  public var names: [String] { members.keys.sorted() }

  public func has(_ name: String) -> Bool { members[name] != nil }

  /// Whether the member is there with a null.
  public func isNull(_ name: String) -> Bool { members[name] == .null }

  /// The member as it is.
  public func value(_ name: String) -> JSONValue? {
    noteRead(name)
    taken.insert(name)
    return members[name]
  }

  /// Members that nobody asked for, and counts them as taken: Keystone keeps what it does not know.
  public func rest() -> [String: JSONValue] {
    let rest = members.filter { !taken.contains($0.key) }
    taken.formUnion(rest.keys)
    return rest
  }

  /// Throws where there is a member that nobody asked for.
  public func finish() throws {
    let strangers = members.keys.filter { !taken.contains($0) }.sorted()
    guard strangers.isEmpty else {
      throw Fault.badRequest(
        "Additional properties are not allowed: \(strangers.prefix(5).map(\.quoted).joined(separator: ", "))"
          + (path.isEmpty ? "." : " in \(path)."))
    }
  }

  private func full(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

  /// The fault for a member that is not as it must be.
  public func invalid(_ name: String, _ reason: String) -> Fault {
    Fault.badRequest("Invalid input for \(full(name)): \(reason).")
  }

  private func read<T>(_ name: String, _ decode: (JSONValue) throws -> T) throws -> Patch<T> {
    switch value(name) {
    case nil: .absent
    case .null?: .null
    case let value?: .value(try decode(value))
    }
  }

  private func required<T>(_ name: String, _ patch: Patch<T>) throws -> T {
    guard let value = patch.value else {
      throw patch.isAbsent ? invalid(name, "it is required") : invalid(name, "it must not be null")
    }
    return value
  }

  // MARK: Strings

  /// A string whose length in characters is in `length`; absent, null or value. NUL is refused.
  public func patchString(_ name: String, _ length: ClosedRange<Int> = 0...255) throws -> Patch<String> {
    try read(name) { value in
      guard let text = value.string else { throw invalid(name, "it must be a string") }
      guard length.contains(text.count), text.utf8.count <= length.upperBound * 4 else {
        throw invalid(name, "its length must be \(length.lowerBound) to \(length.upperBound) characters")
      }
      guard !text.utf8.contains(0) else { throw invalid(name, "it must not contain NUL") }
      return text
    }
  }

  public func string(_ name: String, _ length: ClosedRange<Int> = 0...255) throws -> String {
    try required(name, patchString(name, length))
  }

  public func optionalString(_ name: String, _ length: ClosedRange<Int> = 0...255) throws -> String? {
    try patchString(name, length).value
  }

  /// One of `choices`; nil where it is absent or null.
  public func optionalChoice(_ name: String, _ choices: [String]) throws -> String? {
    guard let text = try optionalString(name) else { return nil }
    guard choices.contains(text) else {
      throw invalid(name, "\(text.quoted) is none of \(choices.joined(separator: ", "))")
    }
    return text
  }

  /// A UUID with dashes; nil where it is absent or null.
  public func optionalUUID(_ name: String) throws -> String? {
    guard let text = try optionalString(name) else { return nil }
    guard Identifier.isUUID(text) else { throw invalid(name, "\(text.quoted) is not a UUID") }
    return text.lowercased()
  }

  public func uuid(_ name: String) throws -> String {
    guard let id = try optionalUUID(name) else { throw invalid(name, "it is required") }
    return id
  }

  // MARK: Numbers and flags

  /// A whole number in `range`; with `lenient`, also as a string of digits, as Nova takes it.
  public func patchInt(_ name: String, _ range: ClosedRange<Int>, lenient: Bool = false) throws -> Patch<Int> {
    try read(name) { value in
      guard let number = value.int ?? (lenient ? value.string.flatMap { Int($0) } : nil) else {
        throw invalid(name, "it must be an integer")
      }
      guard range.contains(number) else {
        throw invalid(name, "it must be \(range.lowerBound) to \(range.upperBound)")
      }
      return number
    }
  }

  public func int(_ name: String, _ range: ClosedRange<Int>, lenient: Bool = false) throws -> Int {
    try required(name, patchInt(name, range, lenient: lenient))
  }

  public func optionalInt(_ name: String, _ range: ClosedRange<Int>, lenient: Bool = false) throws -> Int? {
    try patchInt(name, range, lenient: lenient).value
  }

  /// true or false; with `lenient`, also the words and digits that OpenStack takes for them.
  public func patchBool(_ name: String, lenient: Bool = false) throws -> Patch<Bool> {
    try read(name) { value in
      if let flag = value.bool { return flag }
      if lenient {
        switch value.string?.lowercased() ?? value.int.map(String.init) {
        case "true", "1", "yes", "on", "t", "y": return true
        case "false", "0", "no", "off", "f", "n": return false
        default: break
        }
      }
      throw invalid(name, "it must be a boolean")
    }
  }

  public func optionalBool(_ name: String, lenient: Bool = false) throws -> Bool? {
    try patchBool(name, lenient: lenient).value
  }

  public func bool(_ name: String, lenient: Bool = false) throws -> Bool {
    try required(name, patchBool(name, lenient: lenient))
  }

  // MARK: Objects and arrays

  /// A member object to read on; its strangers are its own `finish`'s concern.
  public func object(_ name: String) throws -> JSONFields { try required(name, patchObject(name)) }

  public func optionalObject(_ name: String) throws -> JSONFields? { try patchObject(name).value }

  private func patchObject(_ name: String) throws -> PatchObject {
    switch value(name) {
    case nil: return .absent
    case .null?: return .null
    case .object(let members)?: return .value(inner(members, full(name), declared(name)))
    default: throw invalid(name, "it must be an object")
    }
  }

  private enum PatchObject {
    case absent, null
    case value(JSONFields)
    var value: JSONFields? { if case .value(let fields) = self { fields } else { nil } }
  }

  private func required(_ name: String, _ patch: PatchObject) throws -> JSONFields {
    guard let value = patch.value else { throw invalid(name, "an object is required") }
    return value
  }

  /// An array of at most `countMax` elements; absent, null or value.
  public func patchArray(_ name: String, countMax: Int = 1000) throws -> Patch<[JSONValue]> {
    try read(name) { value in
      guard let elements = value.array else { throw invalid(name, "it must be an array") }
      guard elements.count <= countMax else { throw invalid(name, "it has more than \(countMax) elements") }
      return elements
    }
  }

  public func array(_ name: String, countMax: Int = 1000) throws -> [JSONValue] {
    try required(name, patchArray(name, countMax: countMax))
  }

  public func optionalArray(_ name: String, countMax: Int = 1000) throws -> [JSONValue]? {
    try patchArray(name, countMax: countMax).value
  }

  /// An array of objects, each to read on.
  public func optionalObjects(_ name: String, countMax: Int = 1000) throws -> [JSONFields]? {
    try optionalArray(name, countMax: countMax)?.enumerated().map { index, element in
      guard let members = element.object else { throw invalid("\(name)[\(index)]", "it must be an object") }
      return inner(members, "\(full(name))[\(index)]", declared(name)?.element)
    }
  }

  /// An array of strings.
  public func patchStrings(_ name: String, countMax: Int = 1000) throws -> Patch<[String]> {
    switch try patchArray(name, countMax: countMax) {
    case .absent: return .absent
    case .null: return .null
    case .value(let elements):
      return .value(
        try elements.enumerated().map { index, element in
          guard let text = element.string, !text.utf8.contains(0) else {
            throw invalid("\(name)[\(index)]", "it must be a string")
          }
          return text
        })
    }
  }

  public func optionalStrings(_ name: String, countMax: Int = 1000) throws -> [String]? {
    try patchStrings(name, countMax: countMax).value
  }
}
