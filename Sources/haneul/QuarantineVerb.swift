import ArgumentParser
import Cloud
import Kit

/// `haneul quarantine`: what hosts hold that control does not know, and the operator's word about it.
struct QuarantineVerb: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "quarantine",
    abstract: "List what hosts hold that this cloud does not know, or have it removed.",
    discussion: """
      Such objects are left alone, running or not, until somebody decides: after a store was restored they may be \
      servers that are wanted. Removing a server takes its disk with it.

        haneul quarantine
        haneul quarantine --remove server/ID --node HOST
      """)

  @Option(help: "Remove this object from its host, as it is listed: server/ID.")
  var remove: String?

  @Option(help: "The node it is on, by hostname or id; with no --remove, list this node's only.")
  var node: String?

  @OptionGroup var options: QuestionOptions

  func validate() throws {
    guard let remove else { return }
    guard remove.split(separator: "/", omittingEmptySubsequences: false).count == 2 else {
      throw ValidationError("--remove \(remove) is not KIND/ID, as haneul quarantine lists it.")
    }
    guard node != nil else { throw ValidationError("--remove needs --node: haneul quarantine lists both.") }
  }

  func run() async throws {
    guard let remove, let node else {
      let path = "/haneul/v1/quarantine" + (node.map { "?node=\(Question.segment($0))" } ?? "")
      print(try await options.question.get(path, json: options.json), terminator: "")
      return
    }
    let parts = remove.split(separator: "/").map { Question.segment(String($0)) }
    let path = "/haneul/v1/quarantine/\(Question.segment(node))/\(parts.joined(separator: "/"))"
    try await options.question.send("POST", path, .object(["action": .string("remove")]))
    print("\(remove) will be removed from node \(node). haneul quarantine tells when it is gone.")
  }
}
