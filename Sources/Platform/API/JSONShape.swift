/// What a JSON value must look like.
public indirect enum JSONShape: Sendable {
  /// How a string must be written.
  public enum Format: String, Sendable {
    case uuid
    case time = "date-time"
    case ip, ipv4, ipv6, cidr, mac, uri, base64
  }

  /// One member of an object.
  public struct Field: Sendable {
    public let name: String
    public let shape: JSONShape
    public let required: Bool
    /// First and last microversion that has it; nil is without end.
    public let since: Microversion?
    public let until: Microversion?

    public init(
      _ name: String, _ shape: JSONShape, required: Bool = false, since: Microversion? = nil,
      until: Microversion? = nil
    ) {
      self.name = name
      self.shape = shape
      self.required = required
      self.since = since
      self.until = until
    }

    /// A member that must be there.
    public static func needed(_ name: String, _ shape: JSONShape, since: Microversion? = nil) -> Field {
      Field(name, shape, required: true, since: since)
    }

    func serves(_ version: Microversion) -> Bool { version.isWithin(since, until) }
  }

  /// What becomes of members that are not declared, or not in the request's microversion.
  public enum Others: Sendable {
    case refused
    case ignored
    /// Taken, each with a name of so many characters and a value of this shape: metadata, Keystone's extra members.
    case kept(JSONShape, names: ClosedRange<Int>)
  }

  /// The members of an object.
  public struct Members: Sendable {
    public let fields: [Field]
    public let others: Others
    /// How many members it has.
    public let count: ClosedRange<Int>
    let byName: [String: [Field]]
    let required: [Field]

    init(_ fields: [Field], _ others: Others, _ count: ClosedRange<Int>) {
      self.fields = fields
      self.others = others
      self.count = count
      byName = Dictionary(grouping: fields, by: \.name)
      required = fields.filter(\.required)
    }

    /// Whether a handler may ask for a member, in some microversion.
    func declares(_ name: String) -> Bool {
      if case .kept = others { return true }
      return byName[name] != nil
    }
  }

  /// Members of an object, or elements of an array, where nothing else is said.
  public static let countMax = 1000

  case any
  case null
  /// true or false; where `words`, also the strings and digits that OpenStack takes for them.
  case boolean(words: Bool)
  /// A whole number; where `digits`, also as a string.
  case integer(ClosedRange<Int>, digits: Bool)
  case number
  /// A string of so many characters.
  case string(ClosedRange<Int>, Format?)
  case choice([String])
  case array(JSONShape, ClosedRange<Int>)
  case object(Members)
  case anyOf([JSONShape])

  public static let text = JSONShape.string(0...255, nil)
  public static let uuid = JSONShape.string(32...36, .uuid)
  public static let flag = JSONShape.boolean(words: false)

  public static func text(_ length: ClosedRange<Int>) -> JSONShape { .string(length, nil) }

  /// A whole number.
  public static func integer(_ range: ClosedRange<Int>) -> JSONShape { .integer(range, digits: false) }

  /// The value, or null.
  public static func orNull(_ shape: JSONShape) -> JSONShape { .anyOf([shape, .null]) }

  public static func array(of shape: JSONShape, _ count: ClosedRange<Int> = 0...countMax) -> JSONShape {
    .array(shape, count)
  }

  public static func object(
    _ fields: [Field], others: Others = .refused, count: ClosedRange<Int> = 0...countMax
  ) -> JSONShape { .object(Members(fields, others, count)) }

  /// An object whose only member is `name`: `{"server": {…}}`.
  public static func only(_ name: String, _ shape: JSONShape) -> JSONShape { .object([.needed(name, shape)]) }

  /// An object of names that the client chooses.
  public static func map(
    _ values: JSONShape, names: ClosedRange<Int> = 1...255, count: ClosedRange<Int> = 0...countMax
  ) -> JSONShape { .object([], others: .kept(values, names: names), count: count) }

  /// The name of an object's only member: `server` of `{"server": {…}}`; nil where there are more or others.
  public var onlyMember: String? {
    guard let fields = members?.fields, fields.count == 1 else { return nil }
    return fields[0].name
  }

  /// The members that a handler may ask for; nil where this is no object or may be anything.
  var members: Members? {
    switch self {
    case .object(let members): members
    case .anyOf(let shapes): shapes.lazy.compactMap(\.members).first
    default: nil
    }
  }

  /// The shape of an array's elements.
  var element: JSONShape? {
    switch self {
    case .array(let element, _): element
    case .anyOf(let shapes): shapes.lazy.compactMap(\.element).first
    default: nil
    }
  }
}

/// What a route does with a request's body.
public enum BodyShape: Sendable {
  /// Reads nothing of it.
  case unread
  /// Needs one.
  case needed(JSONShape)
  /// Takes one where there is one.
  case optional(JSONShape)
  /// Handed on as it comes.
  case stream

  /// Whether a body is read whole and parsed.
  public var isParsed: Bool { json != nil }

  /// The shape of what is parsed; nil where nothing is.
  public var json: JSONShape? {
    switch self {
    case .unread, .stream: nil
    case .needed(let shape), .optional(let shape): shape
    }
  }
}
