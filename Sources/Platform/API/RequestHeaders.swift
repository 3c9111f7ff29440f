/// A request's header fields, in the order they came. Names are compared without case.
public struct RequestHeaders: Sendable {
  /// Names in lower case, so that finding one is comparing bytes.
  private var fields: [(name: String, value: String)]

  /// Names may be in any case.
  public init(_ fields: [(name: String, value: String)] = []) {
    self.fields = fields.map { ($0.name.lowercased(), $0.value) }
  }

  /// `fields` have names in lower case already.
  init(lowered fields: [(name: String, value: String)]) { self.fields = fields }

  /// The first value of a name in any case.
  public func first(_ name: String) -> String? { self[lowered: name.lowercased()] }

  /// The first value of a name that is in lower case.
  subscript(lowered name: String) -> String? {
    for field in fields where field.name == name { return field.value }
    return nil
  }

  /// Every value of a name that is in lower case, in order, with their lists joined by commas; nil where there is none.
  func joined(lowered name: String) -> String? {
    var found: String?
    for field in fields where field.name == name { found = found.map { $0 + "," + field.value } ?? field.value }
    return found
  }
}
