import ArgumentParser
import Cloud
import Dataplane
import Foundation

/// `haneul control`: the control process, in the foreground.
struct ControlVerb: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "control",
    abstract: "Run the control process in the foreground: API, services, store.",
    discussion: """
      It needs no privileges. `haneul up` and the systemd unit run it as the user haneul. SIGTERM ends it when \
      what was begun is finished. Exit status 78: this program is too old for the store, and must be upgraded.
      """)

  @OptionGroup var state: StateOption

  @Option(help: "Which of the cloud's control processes on this machine it is, 1 to what `haneul up --controls` said.")
  var number: Int = 1

  func run() async throws {
    do { try await ControlProcess(state: state.directory, number: number).run() } catch let old as ReleaseTooOld {
      FileHandle.standardError.write(Data("Error: \(old)\n".utf8))
      _exit(ReleaseTooOld.exitStatus)
    }
    // The store's threads may be inside libpq: taking libraries apart under them, as exit(3) does, would crash.
    fflush(nil)
    _exit(0)
  }
}

/// `haneul node`: the node process, in the foreground.
struct NodeVerb: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "node",
    abstract: "Run the node process in the foreground: guests, disks and networks of this host.",
    discussion: "It needs root. Stopping or restarting it touches no guest and no packet.")

  @OptionGroup var state: StateOption

  func run() async throws { try await NodeProcess(state: state.directory).run() }
}

/// `haneul metadata-child`: parses what guests send to 169.254.169.254. Started by the node, never by hand.
struct MetadataChildVerb: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "metadata-child", abstract: "Serve guests' metadata requests for the node.", shouldDisplay: false)

  @Option(help: "Descriptor of the socket to the node.")
  var controlFd: Int32

  func run() async throws { try await MetadataChild.run(controlFD: controlFd) }
}
