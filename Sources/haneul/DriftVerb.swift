import ArgumentParser
import Cloud

/// `haneul drift`: where the world was found other than asked.
struct DriftVerb: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "drift",
    abstract: "List what was found on the hosts other than asked, and what was done about it.",
    discussion: """
      Each line says what was asked, what was found, since when, how often, and what was done: put back (enforce), \
      made what is asked (adopt), or left alone (report).
      """)

  @Flag(help: "Settled findings too, not only open ones.")
  var all = false

  @Flag(help: "List what is compared and what is done about each difference. Needs no cloud.")
  var policies = false

  @OptionGroup var options: QuestionOptions

  func run() async throws {
    if policies {
      print(options.json ? DriftPolicies.json + "\n" : DriftPolicies.text, terminator: "")
      return
    }
    let path = "/haneul/v1/drift" + (all ? "" : "?open=true")
    print(try await options.question.get(path, json: options.json), terminator: "")
  }
}
