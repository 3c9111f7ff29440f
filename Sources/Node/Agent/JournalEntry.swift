import NodeLink

/// One line of the node's journal.
enum JournalEntry: Sendable, Codable, Hashable {
  /// Whose manifest this is.
  case binding(cloudID: String, epoch: Int64)
  case held(HeldObject)
  /// The object is removed and control knows it. A younger generation of it is not forgotten.
  case forget(key: ObjectKey, generation: Int64)
  case record(serverID: String, record: ServerRecord)

  /// What a later line must be about to make this one superfluous.
  var subject: String {
    switch self {
    case .binding: "binding"
    case .held(let held): "held \(held.key)"
    case .forget(let key, _): "held \(key)"
    case .record(let serverID, _): "record \(serverID)"
    }
  }
}
