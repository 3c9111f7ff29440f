import Drivers
import Kit

/// What the agent remembers of a server only while it runs: losing it costs a repetition of something harmless.
struct ServerMoment: Sendable {
  struct Press: Sendable {
    /// When patience ends and the guest's process is destroyed.
    var deadline: Timestamp
    var last: Timestamp
  }
  /// The power button, pressed to stop the guest.
  var press: Press?
  /// The operation begun by this very process: its course is known without a probe.
  var operationHere: String?
  /// The definition that libvirt holds, as far as this process made it.
  var defined: DomainSpec?
}

/// How a pass over a server ended when nothing failed.
struct ServerNext: Sendable {
  /// As asked, or nothing to do until something outside changes.
  static let settled = ServerNext()

  /// A port cannot be wired: the network is tried again by itself, and the server is called when that changes.
  static func waitingForPort(_ problem: ServerProblem) -> ServerNext {
    ServerNext(waitingType: problem.type, waitingMessage: problem.message, step: "plugging")
  }

  /// Look again after this time though nothing calls for it.
  var lookAgain: Duration?
  /// Why it is not as asked, with nothing to try.
  var waitingType: String?
  var waitingMessage = ""
  /// What it is in the middle of.
  var step: String?
}
