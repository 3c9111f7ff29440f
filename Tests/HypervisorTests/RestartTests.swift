import Drivers
import Foundation
import Kit
import Subprocess
import Testing

@testable import Hypervisor

/// A libvirtd of the test's own, which it may kill.
private struct PrivateLibvirtd: Sendable {
  let directory = "/tmp/haneul-libvirtd-" + Identifier.hex()
  var uri: String { "qemu+unix:///system?socket=\(directory)/run/libvirt-sock" }

  /// Runs it while `body` does, then kills it by its id.
  func running<T: Sendable>(_ body: @Sendable () async throws -> T) async throws -> T {
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("Scripts/private-libvirtd.sh").path
    let result = try await Subprocess.run(
      .name("bash"), arguments: [script, directory], input: .none, output: .discarded, error: .discarded
    ) { execution in
      let outcome: Swift.Result<T, any Error>
      do { outcome = .success(try await body()) } catch { outcome = .failure(error) }
      try execution.send(signal: .kill)
      return outcome
    }
    return try result.closureResult.get()
  }
}

@Suite struct RestartTests {
  @Test func eventsResumeWhenLibvirtdIsBack() async throws {
    try await LibvirtDaemon.ensureRunning()
    let daemon = PrivateLibvirtd()
    let lab = try Lab(uri: daemon.uri)
    let spec = try await lab.spec()
    let seen = Seen(lab.hypervisor.events())
    @Sendable func heard(_ event: String, times: Int) async throws -> Bool {
      try await eventually(seconds: 60) { seen.count(event) >= times }
    }

    try await daemon.running {
      #expect(try await heard("all", times: 1))
      try await lab.hypervisor.define(spec)
      #expect(try await heard(spec.serverID, times: 1))
    }
    // Nobody answers: the call fails, and is told so.
    await #expect(throws: HypervisorError.self) { try await lab.hypervisor.domains() }
    try await daemon.running {
      // Nothing was asked of it meanwhile: the driver came back by itself.
      #expect(try await heard("all", times: 2))
      // Its definitions stand in its own /etc, which was kept.
      #expect(try await lab.hypervisor.domains().map(\.serverID) == [spec.serverID])
      try await lab.hypervisor.undefine(spec.serverID)
      #expect(try await heard(spec.serverID, times: 2))
      await lab.end()
    }
    seen.end()
    try? FileManager.default.removeItem(atPath: daemon.directory)
  }
}
