import Contracts
import Kit

/// What would be lost with something that is to be deleted.
struct Impact: Sendable {
  /// Things named of each sort at the most; their number is told whole.
  static let namedMax = 100

  /// Some things of a sort, as JSON objects, and how many there are.
  struct Sort: Sendable {
    var count = 0
    var first: [JSONValue] = []

    init() {}

    init(_ all: [JSONValue]) {
      count = all.count
      first = Array(all.prefix(Impact.namedMax))
    }
  }

  /// A project that nobody but administrators of the cloud could reach afterwards, or that would be gone.
  struct Lost: Sendable {
    var project: Named
    var holdings: [Holding]
  }

  var kind: DeletedKind
  var id: String
  var name: String
  /// Rows that would go, by table.
  var rows: [String: Int] = [:]
  var assignments = Sort()
  var applicationCredentials = Sort()
  var trusts = Sort()
  var credentials = Sort()
  /// Users that would have no role anywhere, and have one now.
  var withoutRole = Sort()
  /// Users that would be gone.
  var users = Sort()
  /// Nova's, of the users that would be gone.
  var keypairs: [Holding] = []
  var unreachable: [Lost] = []
  /// What has logged in within the last 30 days and could not any more, latest first.
  var automation = Sort()
  /// Why it would be refused without `force`; nil where it would not.
  var refusal: String?
  /// Until when it could be restored.
  var restorableUntil: Timestamp
}
