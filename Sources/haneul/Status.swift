import ArgumentParser
import Cloud

/// `haneul status`: what of the cloud runs.
struct Status: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show what of the cloud runs. Exit status 0 when everything does, 1 otherwise.",
    discussion: """
      The processes, whether each API answers, the store's epoch, open differences (haneul drift), what is in \
      quarantine, and on PostgreSQL which process holds the lease. It works with the cloud down.
      """)

  @OptionGroup var state: StateOption

  func run() async throws {
    let report = try await Launch(state: state.directory).status()
    print(report.text)
    if !report.healthy { throw ExitCode.failure }
  }
}
