import Kit

/// The query parameters that a route reads, and what becomes of others.
public struct QueryShape: Sendable {
  /// What a parameter's value must look like.
  public indirect enum Kind: Sendable, Hashable {
    case text
    /// The words that `Query.bool` takes, and nothing, which is true.
    case boolean
    /// A whole number that is not negative.
    case natural
    /// A whole number.
    case integer
    /// A UUID, with or without dashes.
    case uuid
    /// A moment in ISO 8601.
    case time
    case choice([String])
    /// A value that one of these words and a colon may precede: `gte:5`.
    case comparison([String], Kind)
    /// Values with commas between them.
    case list(Kind)
  }

  /// One parameter.
  public struct Parameter: Sendable, ExpressibleByStringLiteral {
    public let name: String
    public let kind: Kind
    /// Whether it may come more than once.
    public let repeats: Bool
    public let required: Bool
    /// First and last microversion that has it; nil is without end.
    public let since: Microversion?
    public let until: Microversion?

    public init(
      _ name: String, _ kind: Kind = .text, repeats: Bool = true, required: Bool = false, since: Microversion? = nil,
      until: Microversion? = nil
    ) {
      self.name = name
      self.kind = kind
      self.repeats = repeats
      self.required = required
      self.since = since
      self.until = until
    }

    public init(stringLiteral name: String) { self.init(name) }

    func serves(_ version: Microversion) -> Bool { version.isWithin(since, until) }
  }

  /// What becomes of a parameter that is not declared, or not in the request's microversion.
  public enum Others: Sendable, Hashable {
    case ignored
    /// 400.
    case refused
    /// Ignored below a microversion, 400 from it on.
    case refusedSince(Microversion)
    /// Each is a filter on the member of its name.
    case filters
  }

  public let parameters: [Parameter]
  public let others: Others
  /// The service's words for a query that is wrong, and for one that lacks something; nil leaves it to its style.
  public let faultTypes: (wrong: String, missing: String)?
  private let byName: [String: [Parameter]]
  private let required: [Parameter]

  public init(_ parameters: [Parameter] = [], others: Others, faultTypes: (wrong: String, missing: String)? = nil) {
    self.parameters = parameters
    self.others = others
    self.faultTypes = faultTypes
    byName = Dictionary(grouping: parameters, by: \.name)
    required = parameters.filter(\.required)
  }

  /// A route that reads nothing of its query, and does not mind what is there.
  public static let unread = QueryShape(others: .ignored)

  /// The same with more parameters.
  public func adding(_ more: [Parameter]) -> QueryShape {
    QueryShape(parameters + more, others: others, faultTypes: faultTypes)
  }

  /// Whether a handler may ask for a parameter, in some microversion.
  func declares(_ name: String) -> Bool { others == .filters || byName[name] != nil }

  /// Throws `Fault` 400 for a query that the route does not take.
  func check(_ query: Query, _ version: Microversion) throws {
    for parameter in required where parameter.serves(version) && !query.has(parameter.name) {
      throw Fault.badRequest("Query parameter \(parameter.name.quoted) is required.", type: faultTypes?.missing)
    }
    if query.items.isEmpty { return }
    var seen: Set<String> = []
    for (name, value) in query.items {
      guard let declared = byName[name]?.first(where: { $0.serves(version) }) else {
        guard refusesOthers(version) else { continue }
        throw refusal("Query parameter \(name.quoted) is not known.")
      }
      if !declared.repeats, !seen.insert(name).inserted {
        throw refusal("Query parameter \(name.quoted) may come only once.")
      }
      if let reason = declared.kind.objection(to: value) {
        throw refusal("\(value.quoted) is \(reason) for query parameter \(name.quoted).")
      }
    }
  }

  private func refusesOthers(_ version: Microversion) -> Bool {
    switch others {
    case .ignored, .filters: false
    case .refused: true
    case .refusedSince(let first): version >= first
    }
  }

  private func refusal(_ message: String) -> Fault { .badRequest(message, type: faultTypes?.wrong) }
}

extension QueryShape.Kind {
  /// What is wrong with a value; nil where nothing is.
  func objection(to value: String) -> String? {
    switch self {
    case .text: return value.utf8.contains(0) ? "no text" : nil
    case .boolean: return Query.truth(of: value) == nil ? "not a boolean" : nil
    case .natural: return (Int(value).map { $0 >= 0 } ?? false) ? nil : "not a non-negative integer"
    case .integer: return Int(value) == nil ? "not an integer" : nil
    case .uuid: return Identifier.isUUID(value) || Identifier.isUUIDHex(value) ? nil : "not a UUID"
    case .time: return Timestamp(iso8601: value) == nil ? "not a time in ISO 8601" : nil
    case .choice(let words):
      return words.contains(value) ? nil : "none of \(words.joined(separator: ", "))"
    case .comparison(let words, let kind):
      guard let colon = value.firstIndex(of: ":"), words.contains(String(value[..<colon])) else {
        return kind.objection(to: value)
      }
      return kind.objection(to: String(value[value.index(after: colon)...]))
    case .list(let kind):
      for part in value.split(separator: ",") {
        if let reason = kind.objection(to: String(part)) { return reason }
      }
      return nil
    }
  }
}
