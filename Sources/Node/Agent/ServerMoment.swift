import Drivers

/// What the agent remembers of a server only while it runs: losing it costs a repetition of something harmless.
struct ServerMoment: Sendable {
  struct Press: Sendable {
    /// When patience ends and the guest's process is destroyed.
    var deadline: ContinuousClock.Instant
    var last: ContinuousClock.Instant
  }
  /// The power button, pressed to stop the guest.
  var press: Press?
  /// Since when the guest is to run on though its button was pressed.
  var pressedSince: ContinuousClock.Instant?
  /// The operation begun by this very process, and when its patience ends: its course is known without a probe.
  var operationHere: (id: String, deadline: ContinuousClock.Instant)?
  /// The definition that libvirt holds of a guest that is off, as far as this process made it.
  var defined: DomainSpec?
  /// The root disk's chain, and whose it is.
  var chain: (diskID: String, chain: DiskChain)?
  /// When a card was plugged in last, by a boot or by attaching.
  var plugged: ContinuousClock.Instant?
  /// What may not help, and is therefore done with growing pauses.
  var resumes = Backoff()
  var defines = Backoff()
  var replugs = Backoff()
  /// Passes in a row that were called for by the one before.
  var followUps = 0
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
