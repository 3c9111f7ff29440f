import Drivers
import Foundation
import Kit
import NodeLink
import Testing

@testable import Hypervisor

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

    let before = try await daemon.running { _ in
      #expect(try await heard("all", times: 1))
      try await lab.hypervisor.define(spec)
      // Another libvirtd of the machine may take the same VNC port at the same moment.
      #expect(try await eventually(seconds: 30) { (try? await lab.hypervisor.start(spec.serverID)) != nil })
      #expect(try await lab.power(spec, is: .running))
      return try #require(try await lab.hypervisor.domain(spec.serverID))
    }
    // Nobody answers: the call fails, and is told so.
    await #expect(throws: HypervisorError.self) { try await lab.hypervisor.domains() }
    try await daemon.running { _ in
      // Nothing was asked of it meanwhile: the driver came back by itself.
      #expect(try await heard("all", times: 2))
      // Its definitions stand in its own /etc, which was kept; the guest ran on, in the same life.
      #expect(before.power == .running && before.instance != nil)
      let domains = try await lab.hypervisor.domains()
      #expect(domains == [before])
    }
    // The guest's process dies while nobody watches it: that is no stop of its own either.
    let pidFile = "\(daemon.directory)/run/qemu/\(lab.tag.domain(spec.serverID)).pid"
    let text = try String(contentsOfFile: pidFile, encoding: .utf8)
    let guest = try #require(pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)))
    #expect(kill(guest, SIGKILL) == 0)
    try await daemon.running { _ in
      #expect(try await heard("all", times: 3))
      let dead = try #require(try await lab.hypervisor.domains().first)
      #expect(dead.power == .crashed && dead.reason == "crashed" && dead.instance == nil)
      let count = seen.count(spec.serverID)
      try await lab.hypervisor.undefine(spec.serverID)
      #expect(try await heard(spec.serverID, times: count + 1))
      await lab.end()
    }
    seen.end()
    try? FileManager.default.removeItem(atPath: daemon.directory)
  }

  /// Hung for a minute: every call fails in time, nothing waits for ever, and when it goes on everything is compared.
  @Test func aLibvirtdThatHangsIsNoticedAndComesBack() async throws {
    try await LibvirtDaemon.ensureRunning()
    let daemon = PrivateLibvirtd()
    let lab = try Lab(uri: daemon.uri)
    let spec = try await lab.spec()
    let seen = Seen(lab.hypervisor.events())
    try await daemon.running { process in
      #expect(try await eventually(seconds: 60) { seen.count("all") >= 1 })
      try await lab.hypervisor.define(spec)
      #expect(kill(process, SIGSTOP) == 0)
      let began = ContinuousClock.now
      // More calls than there are threads for them.
      let failures = Counter()
      let calls = (0..<30).map { _ in
        Task {
          do { _ = try await lab.hypervisor.domains() } catch { failures.add() }
        }
      }
      #expect(try await eventually(seconds: 50) { failures.value == calls.count })
      print("30 calls of a libvirtd that hangs failed after \(ContinuousClock.now - began)")
      // What is asked while it still hangs fails too, though a new connection was taken and is not answered.
      for _ in 0..<2 {
        await #expect(throws: HypervisorError.self) { try await lab.hypervisor.domain(spec.serverID) }
      }
      try await Task.sleep(until: began + .seconds(60))
      #expect(kill(process, SIGCONT) == 0)
      #expect(try await eventually(seconds: 60) { seen.count("all") >= 2 })
      #expect(try await lab.hypervisor.domains().map(\.serverID) == [spec.serverID])
      let heard = seen.count(spec.serverID)
      try await lab.hypervisor.undefine(spec.serverID)
      #expect(try await eventually(seconds: 60) { seen.count(spec.serverID) > heard })
      await lab.end()
    }
    seen.end()
    try? FileManager.default.removeItem(atPath: daemon.directory)
  }
}
