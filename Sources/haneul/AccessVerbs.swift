import ArgumentParser
import Cloud

/// `haneul who-can`: who may do something.
struct WhoCanVerb: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "who-can",
    abstract: "Tell which users may do something, by which role, group or inheritance.",
    discussion: """
      The action is a permission as haneul routes lists them. The resource is an id or a name; without one the answer \
      is who may do it to some resource.

        haneul who-can identity:delete_user anna
        haneul who-can os_compute_api:servers:delete web1
      """)

  @Argument(help: "The permission: identity:delete_user.")
  var action: String

  @Argument(help: "The resource it would be done to.")
  var resource: String?

  @OptionGroup var options: QuestionOptions

  func run() async throws {
    let on = resource.map { "&resource=\(Question.segment($0))" } ?? ""
    print(
      try await options.question.get(
        "/haneul/v1/who-can?action=\(Question.segment(action))\(on)", json: options.json), terminator: "")
  }
}

/// `haneul why-denied`: why a request was refused.
struct WhyDeniedVerb: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "why-denied",
    abstract: "Tell why a request was refused: what it needed, what its caller had and has, and who could help.",
    discussion: "The request id is in every answer (X-Openstack-Request-Id); haneul audit --outcome failure lists them."
  )

  @Argument(help: "The request's id: req-….")
  var request: String

  @OptionGroup var options: QuestionOptions

  func run() async throws {
    print(
      try await options.question.get("/haneul/v1/why-denied/\(Question.segment(request))", json: options.json),
      terminator: "")
  }
}
