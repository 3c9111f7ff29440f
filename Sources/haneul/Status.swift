import ArgumentParser
import Cloud

/// `haneul status`: what of the cloud runs.
struct Status: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show what of the cloud runs. Exit status 0 when everything does, 1 otherwise.")

  @OptionGroup var state: StateOption

  func run() async throws {
    let report = try await Launch(state: state.directory).status()
    print(report.text)
    if !report.healthy { throw ExitCode.failure }
  }
}
