import ArgumentParser
import Cloud

/// `haneul down`: stops the cloud's processes.
struct Down: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Stop the cloud's processes; servers run on unless told otherwise.",
    discussion: """
      Requests that were begun are finished, for 10 seconds at the most. `haneul up` starts everything again.
      """)

  @OptionGroup var state: StateOption

  @Flag(help: "Stop every server first, as `openstack server stop` does; up to 2 minutes.")
  var stopServers = false

  @Flag(
    help: "Remove every guest, its disk, interface, namespace and rule of this cloud from the host. The store stays.")
  var clearHost = false

  func run() async throws {
    let launch = Launch(state: state.directory) { step, seconds in
      print("  \(step.padded(44)) \(seconds.asSeconds)")
    }
    try await launch.down(stopServers: stopServers, clearHost: clearHost)
  }
}
