import ArgumentParser
import Cloud

/// `haneul doctor`: looks at the host and says what to do.
struct DoctorVerb: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Look at this host, and the cloud on it, and say what is wrong and what to do.",
    discussion: """
      It changes nothing, and works with the cloud down. Run it as root: otherwise it says what it could not see.
      Exit status 0 when all is well, 1 with warnings, 2 when something is broken.
      """)

  @OptionGroup var state: StateOption

  @Flag(help: "Write JSON for programs.")
  var json = false

  func run() async throws {
    let report = await Doctor(state: state.directory).examine()
    print(json ? report.json : report.text)
    if report.exitCode != 0 { throw ExitCode(report.exitCode) }
  }
}
