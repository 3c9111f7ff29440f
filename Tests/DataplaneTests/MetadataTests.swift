import Drivers
import Foundation
import Kit
import NodeLink
import Testing

@testable import Dataplane

/// A guest asks `169.254.169.254`: through its tap, the network's namespace, the child and back.
@Suite struct MetadataTests {
  private static let url = "http://169.254.169.254/openstack//latest/meta_data.json"

  /// The command beside the test bundle, where it has been built.
  private static let executable = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath()
    .deletingLastPathComponent().appending(path: "haneul").path()

  private static func withGuest(
    _ launcher: MetadataLauncher, _ number: Int, _ body: (StackGuest, NetworkSpec) async throws -> Void
  ) async throws {
    try await TestCloud.with(launcher: launcher) { cloud in
      try await cloud.driver.serveMetadata { request in
        let text = "\(request.networkID) \(request.sourceAddress) \(request.path)"
        return MetadataReply(status: 200, contentType: "text/plain", body: Array(text.utf8))
      }
      let network = cloud.addNetwork(number)
      let port = cloud.addPort(network, 21, groups: [cloud.addGroup()])
      await cloud.applyAll()
      let guest = try await StackGuest(
        tap: cloud.driver.tap(portID: port.id), mac: port.mac, addresses: ["10.\(number).0.21/24"],
        gateway: "10.\(number).0.2")
      do {
        try await body(guest, network)
      } catch {
        Issue.record(error)
      }
      await guest.end()
    }
  }

  private static func answers(_ guest: StackGuest, _ wanted: String) async throws -> Bool {
    let curl = ["curl", "-s", "-m10", "-H", "X-Forwarded-For: 10.0.0.99", url]
    return try await RouterTests.eventually { try await guest.run(curl).output == wanted }
  }

  private static func status(_ guest: StackGuest, _ more: [String]) async throws -> String {
    try await guest.run(["curl", "-s", "-m10", "-o", "/dev/null", "-w", "%{http_code}"] + more + [url]).output
  }

  @Test func knowsTheGuestByItsAddress() async throws {
    let launcher = MetadataLauncher.here { try await MetadataChild.serve(controlFD: $0) }
    try await Self.withGuest(launcher, 34) { guest, network in
      let answered = try await Self.answers(guest, "\(network.id) 10.34.0.21 /openstack/latest/meta_data.json")
      #expect(answered)
      let put = try await Self.status(guest, ["-X", "PUT"])
      #expect(put == "405")
      let long = try await Self.status(guest, ["-H", "X: " + String(repeating: "x", count: 9000)])
      #expect(long == "431" || long == "000")
    }
  }

  /// The real child: nobody, without new privileges, and started again when it dies.
  @Test(.enabled(if: FileManager.default.fileExists(atPath: executable)))
  func childHasNoPrivilegesAndComesBack() async throws {
    let launcher = MetadataLauncher.process(executable: Self.executable, uid: 65_534, gid: 65_534)
    try await Self.withGuest(launcher, 35) { guest, network in
      let wanted = "\(network.id) 10.35.0.21 /openstack/latest/meta_data.json"
      let first = try await Self.answers(guest, wanted)
      #expect(first)
      let children = try await Tool.run("pgrep", ["-P", "\(getpid())", "-f", "metadata-child"]).output
      let pid = try #require(children.split(separator: "\n").first.map(String.init))
      let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
      #expect(
        status.contains("Uid:\t65534\t65534\t65534\t65534") && status.contains("Gid:\t65534\t65534\t65534\t65534"))
      #expect(status.contains("NoNewPrivs:\t1") && status.contains("CapEff:\t0000000000000000"))
      #expect(status.contains("Groups:\t \n") && status.contains("CapBnd:\t0000000000000000"))
      _ = try await Tool.run("kill", ["-9", pid])
      let second = try await Self.answers(guest, wanted)
      #expect(second)
    }
  }
}
