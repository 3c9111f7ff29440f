import Contracts
import Kit
import NodeLink

/// The whole story of one resource: what its service tells, with what the nodes reported, the requests and the drift.
struct Telling: Sendable {
  /// Lines of each kind at the most.
  static let linesMax = 200

  /// Who asked for what is asked now.
  struct Asked: Sendable {
    var userID: String?
    var userName: String?
    var projectID: String?
    var projectName: String?
    var requestID: String?
    /// `POST /compute/v2.1/servers`; nil where the request log does not reach back so far.
    var request: String?
    var at: Timestamp
  }

  /// Something that was asked of the resource, oldest first.
  struct Past: Sendable {
    var at: Timestamp
    /// The action, or the request's method and path.
    var what: String
    var requestID: String
    var globalRequestID: String?
    var userID: String?
    var userName: String?
    /// The answer's HTTP status; nil where only the action is known.
    var status: Int?
    /// Until the action was done, or else until the answer; nil while it goes on.
    var ended: Timestamp?
    var failed: Bool
    var message: String?
  }

  /// One step, taken by control or by a node.
  struct StepLine: Sendable {
    var at: Timestamp
    var ended: Timestamp
    /// nil: control.
    var nodeID: String?
    var what: String
    var requestID: String?
    var error: String?
  }

  /// What one node says.
  struct Seen: Sendable {
    var nodeID: String
    var hostname: String
    var isUp: Bool
    var lastHeard: Timestamp?
    /// nil: it has not spoken of it yet.
    var ready: Bool?
    var at: Timestamp?
    /// Whether it has yet to take in the last change.
    var isBehind: Bool
    var condition: Condition?
  }

  struct MissingLine: Sendable {
    var what: String
    var why: String
    var since: Timestamp?
    var attempts: Int?
    /// What happens next.
    var next: String
  }

  /// The way of a port's packets, or why it cannot be told.
  enum Path: Sendable {
    case known(PacketPath)
    case unknown(String)
  }

  var subject: Mention
  var status: String
  /// Nothing but records is left of it.
  var isGone: Bool
  var isOwn: Bool
  /// Whether the reader sees the host part.
  var forAdmin: Bool
  var projectName: String?
  /// The story in one sentence.
  var summary = ""
  var facts: [Story.Fact] = []
  var asked: Asked?
  var history: [Past] = []
  var steps: [StepLine] = []
  var observed: [Story.Fact] = []
  var seen: [Seen] = []
  var missing: [MissingLine] = []
  var drift: [DriftTable.Entry] = []
  var fault: Story.Fault?
  var next: [String] = []
  var related: [Story.Related] = []
  var rules: [String] = []
  /// Set for a port that a node should wire: ask this node for the way of its packets.
  var pathNode: Seen?
  var path: Path?

  init(_ subject: Mention, status: String, isGone: Bool, isOwn: Bool, forAdmin: Bool) {
    self.subject = subject
    self.status = status
    self.isGone = isGone
    self.isOwn = isOwn
    self.forAdmin = forAdmin
  }

  /// Where packets are dropped or cannot pass: the first such place.
  var blockedAt: PacketPath.Hop? {
    guard case .known(let path)? = path else { return nil }
    return path.hops.first { !$0.passes } ?? path.hops.first { !$0.drops.isEmpty }
  }
}
