import Kit
import NodeLink

/// What went wrong with a server, in words a person can act on: what happened, what it means, what to do. The operator
/// is told besides where it was and what the node said; nobody else is.
struct ServerTrouble: Sendable, Hashable {
  var message: String
  var details: String?

  /// A condition that an action met once too often.
  init(_ condition: Condition, _ server: Server) {
    let words = Self.words[condition.type]
    message = [
      words?.happened ?? condition.message, Self.meaning(server), words?.advice ?? Self.anyAdvice,
    ].joined(separator: " ")
    details = Self.details(server, condition)
  }

  /// An action that was not done in time. `silent`: its host has not been heard of.
  init(late server: Server, seconds: Int, silent: Bool) {
    var waited: String
    if let condition = server.condition {
      waited = Self.words[condition.type]?.happened ?? condition.message
    } else if let seen = server.seen {
      waited = (silent ? "The host does not answer; when last heard of it was " : "The host was ") + Self.doing(seen)
    } else {
      waited = silent ? "The host does not answer." : "The host has said nothing of the server yet."
    }
    if !waited.hasSuffix(".") { waited += "." }
    let advice = server.condition.flatMap { Self.words[$0.type]?.advice } ?? Self.anyAdvice
    message = "It was not done within \(seconds) seconds. \(waited) \(Self.meaning(server)) \(advice)"
    details = Self.details(server, server.condition)
  }

  /// An operation whose end the node told.
  init(operation outcome: ServerObservation.OperationResult, _ server: Server) {
    let what =
      outcome.outcome == .unknown
      ? "It is not known whether the guest was rebooted, and it was not tried again." : "The guest was not rebooted."
    let said = outcome.message.map { " \($0)" } ?? ""
    message = "\(what)\(said) Look at its console, and reboot it again where that is needed."
    details = Self.details(server, server.condition)
  }

  private init(message: String, details: String?) {
    self.message = message
    self.details = details
  }

  /// No host takes it.
  init(noHost message: String, details: String) {
    self.init(message: message, details: details)
  }

  static let dataMissing = "DataMissing"

  /// Lost data: whatever goes on, it is an error.
  static func lostData(_ condition: Condition, _ server: Server) -> ServerTrouble {
    let words = words[condition.type]
    return ServerTrouble(
      message: [words?.happened ?? condition.message, words?.advice ?? anyAdvice].joined(separator: " "),
      details: details(server, condition))
  }

  /// Whether an action that meets this condition is given up, though its time has not passed.
  static func ends(_ condition: Condition) -> Bool {
    if condition.type == dataMissing { return true }
    if patient.contains(condition.type) { return false }
    return condition.attempts >= (words[condition.type]?.attemptsMax ?? attemptsMax)
  }

  /// A condition tried so often ends the action that waits for it.
  static let attemptsMax = 5

  /// What only time ends: no try of the action's own failed.
  private static let patient: Set<String> = ["PoweredOff", "GuestPaused", "HypervisorUnavailable", "NodeDiskFailed"]

  private struct Words: Sendable {
    var happened: String
    var advice: String
    var attemptsMax = ServerTrouble.attemptsMax
  }

  private static let anyAdvice = "A hard reboot tries once more; if that fails too, ask the operator."

  private static let words: [String: Words] = [
    "DataMissing": Words(
      happened: "The server's root disk is gone from its host, and its data with it; nothing was made in its place.",
      advice: "Ask the operator to restore the file, or delete the server."),
    // Fetching may fail for reasons that pass, a restart of the cloud's own processes among them.
    "BaseImageUnavailable": Words(
      happened: "The data of the server's image cannot be had on its host.",
      advice: "Check that the image is still there and active; a hard reboot tries once more.", attemptsMax: 8),
    "BaseImageMismatch": Words(
      happened: "The data of the server's image that came to its host is not what was uploaded, and was not used.",
      advice: "Upload the image again and make the server anew from it.", attemptsMax: 3),
    "HostDiskFull": Words(
      happened: "The disk of the server's host is full.",
      advice: "Ask the operator to make room; then a hard reboot tries once more.", attemptsMax: 8),
    "HostDiskReadOnly": Words(
      happened: "The disk of the server's host can only be read.",
      advice: "Ask the operator to repair it; then a hard reboot tries once more.", attemptsMax: 8),
    "DiskFailed": Words(happened: "The server's root disk could not be made ready on its host.", advice: anyAdvice),
    "ConfigDriveFailed": Words(
      happened: "The server's config drive could not be written on its host.", advice: anyAdvice),
    "DefineFailed": Words(happened: "The hypervisor refused the server's definition.", advice: anyAdvice),
    "BootFailed": Words(happened: "The hypervisor could not boot the guest.", advice: anyAdvice),
    "ShutdownFailed": Words(happened: "The hypervisor could not ask the guest to shut down.", advice: anyAdvice),
    "DestroyFailed": Words(happened: "The hypervisor could not end the guest.", advice: anyAdvice),
    "UndefineFailed": Words(happened: "The hypervisor could not forget the guest.", advice: anyAdvice),
    "DiskRemovalFailed": Words(happened: "The server's disks could not be removed.", advice: anyAdvice),
    "AttachFailed": Words(
      happened: "The guest did not take the network card.",
      advice: "Attach it again while the server is off, or ask the operator."),
    "DetachFailed": Words(
      happened: "The guest did not let go of the network card.",
      advice: "Take it out of use in the guest and detach it again, or detach it while the server is off."),
    "HypervisorUnavailable": Words(
      happened: "The hypervisor of the server's host does not answer.",
      advice: "Try again later, or ask the operator."),
    "NodeDiskFailed": Words(
      happened: "The server's host cannot write its records.", advice: "Try again later, or ask the operator."),
    "PortNotReady": Words(
      happened: "A network port of the server cannot be wired on its host.",
      advice: "Look at the port's network and its addresses, or ask the operator."),
    "ResumeFailed": Words(
      happened: "The guest is paused, and the hypervisor could not let it run on.", advice: anyAdvice),
    "GuestPaused": Words(happened: "The guest is paused.", advice: "A hard reboot ends that."),
  ]

  /// What a delete meets: it never gives up.
  static func delete(_ condition: Condition) -> String {
    "\(words[condition.type]?.happened ?? condition.message) It is tried again until nothing is left."
  }

  /// What happened with a card, without more.
  static func card(_ condition: Condition) -> String {
    guard let words = words[condition.type] else { return condition.message }
    return "\(words.happened) \(words.advice)"
  }

  /// What it means for the server, by what was being done.
  private static func meaning(_ server: Server) -> String {
    let runs = server.seen?.isActive ?? false
    return switch server.action?.kind {
    case .create where !runs: "The server was not built."
    case .start where !runs: "The server stays off."
    case .stop where runs: "The server runs on."
    case .softReboot, .hardReboot: runs ? "The guest was not rebooted and runs on." : "The server is off."
    default: runs ? "The server runs." : "The server is off."
    }
  }

  private static func doing(_ seen: Server.Seen) -> String {
    switch seen.step {
    case "fetching_image": "fetching the image's data"
    case "making_disk": "making the root disk"
    case "plugging": "wiring the server's network ports"
    case "starting": "booting the guest"
    case "shutting_down": "waiting for the guest to shut down"
    default: "still at work"
    }
  }

  /// For the operator: where, what the node said, and since when.
  private static func details(_ server: Server, _ condition: Condition?) -> String {
    var parts = ["host \(server.host ?? "none")"]
    if let action = server.action {
      parts.append("\(action.kind.rawValue) of request \(action.requestID), \(action.elapsedMs / 1000) s")
    }
    if let seen = server.seen {
      parts.append("seen \(seen.power.rawValue)" + (seen.step.map { ", \($0)" } ?? ""))
    }
    if let condition {
      parts.append(
        "\(condition.type), \(condition.attempts) attempts since \(condition.since.iso8601): \(condition.message)")
    }
    return parts.joined(separator: "; ") + "; `haneul explain \(server.id)` tells the whole story."
  }
}

extension Server {
  /// Puts the server in error. `kind` as `errorKind` says.
  mutating func err(_ kind: String, _ trouble: ServerTrouble) {
    errorKind = kind
    fault = .init(code: 500, message: trouble.message, details: trouble.details, created: .now())
  }
}
