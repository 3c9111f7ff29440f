import NodeLink

/// One line of the node's journal.
enum JournalEntry: Sendable, Codable, Hashable {
  /// Whose manifest this is.
  case binding(cloudID: String, epoch: Int64)
  case held(HeldObject)
  /// The object is removed and control knows it. A younger generation of it is not forgotten.
  case forget(key: ObjectKey, generation: Int64)
  case record(serverID: String, record: ServerRecord)
  /// The object was as asked at this generation, in this boot of the host: what differs from then on is drift.
  case settled(key: ObjectKey, generation: Int64)
  /// The network was looked at whole under this epoch's manifest, in this boot of the host.
  case network(epoch: Int64)
  /// The host was booted: what was settled before says nothing any more.
  case boot(id: String)

  /// What a later line must be about to make this one superfluous.
  var subject: String {
    switch self {
    case .binding: "binding"
    case .held(let held): "held \(held.key)"
    case .forget(let key, _): "held \(key)"
    case .record(let serverID, _): "record \(serverID)"
    case .settled(let key, _): Self.settledSubject(key)
    case .network: Self.networkSubject
    case .boot: "boot"
    }
  }

  static func settledSubject(_ key: ObjectKey) -> String { "\(settledPrefix)\(key)" }
  static let settledPrefix = "settled "
  static let networkSubject = "network"
}
