import ArgumentParser
import Cloud

/// `haneul whatis`: what a text stands for.
struct WhatisVerb: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "whatis",
    abstract: "Tell what an id, address, MAC, name, tap, bridge, namespace, domain or request id stands for.",
    discussion: """
      What one meets in logs, in `ip link`, in `virsh list` or in a packet dump; `haneul explain` tells more of it.

        haneul whatis h1a2bt0123456789
      """)

  @Argument(help: "The text: 10.0.0.5, fa:16:3e:00:11:22, h1a2bt0123456789, req-..., a name, an id.")
  var text: String

  @OptionGroup var options: QuestionOptions

  func run() async throws {
    let path = "/haneul/v1/whatis/\(Question.segment(text))"
    print(try await options.question.get(path, json: options.json), terminator: "")
  }
}
