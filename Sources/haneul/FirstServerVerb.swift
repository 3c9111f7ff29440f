import ArgumentParser
import Cloud

/// `haneul first-server`: a first image, network, key and server for a new cloud.
struct FirstServerVerb: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "first-server",
    abstract: "Give a new cloud its first image, network, router, key and server, and wait for the login prompt.",
    discussion: """
      It uses the API as any client would: the image is the administrator's, everything else user demo's. What is \
      there already is used, so it can be run again. The prompt may take 3 minutes.
      """)

  @OptionGroup var state: StateOption

  @Option(help: ArgumentHelp("The guest image, a qcow2 file that `Scripts/tiny-image.sh` made.", valueName: "file"))
  var image: String = "/var/cache/haneul/tiny.qcow2"

  func run() async throws {
    let first = FirstServer(state: state.directory, imagePath: image) { step, seconds in
      print("  \(step.padded(44)) \(seconds.asSeconds)")
    }
    let result = try await first.run()
    print(
      """

      The first server runs. Reach it by its floating IP, from this machine:
        ssh -i \(result.keyPath) cirros@\(result.floatingIP)
      or look at its console:
        openstack console log show \(result.serverID)
      OpenStack's clients find the cloud by:
        export OS_CLIENT_CONFIG_FILE=\(state.directory.cloudsYAML) OS_CLOUD=haneul
      Stop the cloud with:
        haneul down                  (servers run on; --stop-servers stops them too)
      """)
  }
}
