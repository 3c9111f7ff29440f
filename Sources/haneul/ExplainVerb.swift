import ArgumentParser
import Cloud

/// How a question to the cloud is put, and how its answer is shown.
struct QuestionOptions: ParsableArguments {
  @OptionGroup var state: StateOption

  @Option(help: "Who asks: a cloud of the state's clouds.yaml, haneul-admin or haneul.")
  var cloud: String = Question.admin

  @Flag(help: "Print JSON for programs instead of text for people.")
  var json = false

  var question: Question { Question(state: state.directory, cloud: cloud) }
}

/// `haneul explain`: the story of one resource.
struct ExplainVerb: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "Tell the story of a server, port, network, router, floating IP, image or host.",
    discussion: """
      What was asked by whom, each step with its time, what is observed, what is missing and why, what happens next; \
      for a port every hop of its packets. What is gone is told from its records.

        haneul explain web1
        haneul explain 10.20.0.7 --kind port
        haneul explain web1 --cloud haneul        as a member of the project sees it
      """)

  @Argument(help: "Its id, the beginning of it, its name, or an address.")
  var subject: String

  @Option(help: "Its kind, where the name is not enough: server, port, network, router, floating_ip, image, host.")
  var kind: String?

  @OptionGroup var options: QuestionOptions

  func run() async throws {
    let query = kind.map { "?kind=\(Question.segment($0))" } ?? ""
    let path = "/haneul/v1/explain/\(Question.segment(subject))\(query)"
    print(try await options.question.get(path, json: options.json), terminator: "")
  }
}
