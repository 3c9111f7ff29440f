import API
import Kit

/// What a provider must have and be: `resources`, `required`, `member_of`, `in_tree`.
struct ProviderFilter: Sendable {
  private(set) var amounts: Amounts = [:]
  private var required: Set<String> = []
  private var forbidden: Set<String> = []
  /// One of each of these.
  private var anyOf: [Set<String>] = []
  private var inAggregate = false
  private var tree: String?

  /// Throws `Fault` 400 for a value that is none.
  init(_ query: Query) throws {
    if let text = query["resources"] { amounts = try Self.amounts(text) }
    for text in query.all("required") {
      if text.hasPrefix("in:") {
        anyOf.append(Set(try Self.words(text.dropFirst(3), of: "required")))
        continue
      }
      for word in try Self.words(text[...], of: "required") {
        if word.hasPrefix("!") { forbidden.insert(String(word.dropFirst())) } else { required.insert(word) }
      }
    }
    // There are no aggregates: being in one is never so, being in none always.
    inAggregate = query.all("member_of").contains { !$0.hasPrefix("!") }
    tree = query["in_tree"]
    if let tree, !Identifier.isUUID(tree) { throw Self.bad("in_tree", tree) }
  }

  func admits(_ provider: ResourceProvider) -> Bool {
    let traits = Set(provider.traits)
    return !inAggregate && (tree == nil || tree == provider.uuid) && required.isSubset(of: traits)
      && forbidden.isDisjoint(with: traits) && anyOf.allSatisfy { !$0.isDisjoint(with: traits) }
      && provider.fits(amounts)
  }

  /// `VCPU:1,MEMORY_MB:512`.
  private static func amounts(_ text: String) throws -> Amounts {
    var amounts: Amounts = [:]
    for word in try words(text[...], of: "resources") {
      let halves = word.split(separator: ":", omittingEmptySubsequences: false)
      guard halves.count == 2, let resource = ResourceClass(rawValue: String(halves[0])), amounts[resource] == nil,
        let amount = Int(halves[1]), (1...Int(Int32.max)).contains(amount)
      else { throw bad("resources", text) }
      amounts[resource] = amount
    }
    return amounts
  }

  private static func words(_ text: Substring, of name: String) throws -> [String] {
    let words = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    guard words.allSatisfy({ !$0.isEmpty && $0 != "!" }) else { throw bad(name, String(text)) }
    return words
  }

  private static func bad(_ name: String, _ value: String) -> Fault {
    Fault.badRequest("\(value.quoted) is no value for query parameter \(name).", type: "placement.query.bad_value")
  }
}
