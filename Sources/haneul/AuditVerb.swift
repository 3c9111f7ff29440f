import ArgumentParser
import Cloud

/// `haneul audit`: who asked for what, and who was refused.
struct AuditVerb: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit", abstract: "List changes, logins and refusals, newest first.",
    discussion: """
      With --json each is a CADF event, as in the files log/control/audit*.log of the state directory. Filters go \
      together:

        haneul audit --kind login --outcome failure --since 2026-08-01T12:00:00Z
        haneul audit --target 3f2c8a10-0000-4000-8000-000000000000 --json
      """)

  @Option(help: "Only what this user asked for, by id or name.")
  var initiator: String?

  @Option(help: "Only what was about this resource, by id.")
  var target: String?

  @Option(help: "Only what went well or was refused: success, failure.")
  var outcome: String?

  @Option(help: "Only these: change, login, refusal.")
  var kind: String?

  @Option(help: "Only from this time on, like 2026-08-01T12:00:00Z.")
  var since: String?

  @Option(help: "Only this request, by its id or the client's own.")
  var request: String?

  @Option(help: "How many at the most, 1 to 1000.")
  var limit = 100

  @OptionGroup var options: QuestionOptions

  func run() async throws {
    let filters = [
      ("initiator", initiator), ("target", target), ("outcome", outcome), ("kind", kind), ("since", since),
      ("request", request),
    ]
    let query = filters.compactMap { name, value in value.map { "&\(name)=\(Question.segment($0))" } }.joined()
    print(
      try await options.question.get("/haneul/v1/audit?limit=\(limit)\(query)", json: options.json), terminator: "")
  }
}

/// What the operator wants to see of the cloud at work.
struct ObserveFlags: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      Address and port of /metrics, /healthz and /readyz, without a token; each further control process takes the next \
      port. `off` ends it. [first: off]
      """, valueName: "addr:port"))
  var metricsListen: String?

  @Flag(
    inversion: .prefixedNo, help: "Whether control logs a line for each request, 60 a minute at the most. [first: no]")
  var accessLog: Bool?

  @Option(
    name: .customLong("trace"),
    help: ArgumentHelp(
      "The share of requests that are traced into log/control/traces.json, 0 to 1. [first: 0, none]",
      valueName: "share"))
  var traceRatio: Double?

  var options: ObserveOptions {
    ObserveOptions(metricsListen: metricsListen, accessLog: accessLog, traceRatio: traceRatio)
  }
}
