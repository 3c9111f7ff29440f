import Drivers
import Foundation
import Kit
import Logging
import NodeLink
import Simulation
import Synchronization
import Testing

@testable import Agent

@Suite struct ManifestTests {
  @Test func theNodeStartsItsGuestsWithoutControl() async throws {
    let host = try Host()
    var id = ""
    try await host.withAgent { _ in (id, _) = try await host.bootServer() }
    host.control.cut()
    host.hypervisor.happen(id, .stopped)
    host.dataplane.set { $0.answer = nil }
    // The host was rebooted, control is not there.
    try await host.withAgent(bootID: "boot-2") { _ in
      try await eventually("booted") { host.hypervisor.power(id) == .running }
      let reply = await host.dataplane.ask(
        network: host.networkID, address: "10.0.0.5", path: "/openstack/latest/meta_data.json")
      #expect(reply?.status == 200)
    }
  }

  @Test func onlyWhatDiffersIsSentAfterAReconnect() async throws {
    let host = try Host()
    try await host.withAgent { _ in
      let (id, portID) = try await host.bootServer()
      host.control.cut()
      let generation = host.control.put(.server, id, host.server(id, ports: [portID]) { $0.name = "renamed" })
      let reports = host.control.state.withLock { $0.history.count }
      host.control.set { $0.reachable = true }
      try await eventually("told") { host.control.seen(.server, id)?.generation == generation }
      let hello = host.control.state.withLock { $0.hellos.last }
      #expect(hello?.held.count == 3)
      #expect(hello?.cloudID == host.cloudID)
      // Everything is said again.
      try await eventually("port said again") {
        host.control.state.withLock { $0.history.dropFirst(reports).contains { $0.key == ObjectKey(.port, portID) } }
      }
    }
  }

  @Test func anOlderEpochIsRefused() async throws {
    let host = try Host()
    try await host.withAgent { agent in
      host.control.set { $0.epoch = 5 }
      let (id, _) = try await host.bootServer()
      try await eventually("bound") { await agent.manifest.epoch == 5 }
      host.control.cut()
      host.control.set {
        $0.epoch = 4
        $0.generation = 1000
        $0.reachable = true
      }
      host.control.bury(.server, id)
      try await eventually("refused") { await agent.refusedManifest != nil }
      try await always("untouched") { host.hypervisor.power(id) == .running }
      host.control.set { $0.epoch = 6 }
      try await eventually("taken") { host.hypervisor.power(id) == nil }
      #expect(await agent.refusedManifest == nil)
    }
  }

  @Test func anotherCloudIsRefused() async throws {
    let host = try Host()
    try await host.withAgent { agent in
      let (id, _) = try await host.bootServer()
      host.control.cut()
      try await eventually("it has noticed") { await !agent.connected }
      let reports = host.control.state.withLock { $0.reports }
      host.control.set {
        $0.cloudID = Identifier.uuid()
        $0.objects = [:]
        $0.reachable = true
      }
      host.control.bury(.server, id)
      try await eventually("refused") { await agent.refusedManifest != nil }
      try await always("untouched") { host.hypervisor.power(id) == .running }
      #expect(host.control.state.withLock { $0.reports } == reports)
    }
  }

  @Test func aRestoredControlKeepsWhatItDoesNotKnow() async throws {
    let host = try Host()
    try await host.withAgent { agent in
      let (id, portID) = try await host.bootServer()
      host.control.cut()
      host.control.set {
        $0.objects = [:]
        $0.generations = [:]
        $0.epoch = 2
        $0.generation = 0
        $0.reachable = true
      }
      try await eventually("bound") { await agent.manifest.epoch == 2 }
      try await always("it runs on") { host.hypervisor.power(id) == .running }
      // A lower generation of the newer epoch counts.
      host.control.put(.server, id, host.server(id, ports: [portID]) { $0.power = .stopped })
      try await eventually("stopped") { host.hypervisor.power(id) == .stopped }
    }
  }

  @Test func aConsoleIsReadByQuery() async throws {
    let host = try Host()
    try await host.withAgent { _ in
      let (id, _) = try await host.bootServer()
      host.disks.set { $0.consoles[id] = Array("login: ".utf8) }
      host.control.ask(NodeQuery(id: "q1", subject: .consoleLog(serverID: id, bytesMax: 3)))
      host.control.ask(NodeQuery(id: "q2", subject: .consoleLog(serverID: "other", bytesMax: 3)))
      try await eventually("answered") { host.control.state.withLock { $0.answers.count == 2 } }
      let answers = host.control.state.withLock { $0.answers }
      #expect(answers.first { $0.queryID == "q1" }?.bodyBase64 == Data("n: ".utf8).base64EncodedString())
      #expect(answers.first { $0.queryID == "q2" }?.bodyBase64 == nil)
    }
  }

  // MARK: the journal

  private func journal(_ directory: String) -> ManifestJournal {
    var logger = Logger(label: "journal")
    logger.logLevel = .critical
    return ManifestJournal(directory: directory, logger: logger)
  }

  private func held(_ id: String, _ generation: Int64) -> HeldObject {
    HeldObject(
      key: ObjectKey(.addressSet, id), generation: generation, requestID: nil,
      spec: .addressSet(AddressSetSpec(id: id, addresses: ["10.0.0.1"])), buried: false)
  }

  @Test func theJournalSurvivesATornLineAndKeepsWhatIsForeign() async throws {
    let directory = NSTemporaryDirectory() + "haneul-journal-" + Identifier.uuid()
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let first = journal(directory)
    _ = try await first.open()
    try await first.append([.binding(cloudID: "c", epoch: 3), .held(held("a", 1)), .held(held("b", 2))])
    await first.close()
    let path = directory + "/journal"
    let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    #expect(mode == 0o600)
    #expect(try FileManager.default.attributesOfItem(atPath: directory)[.posixPermissions] as? Int == 0o700)
    let foreign = #"{"of_a_newer_release":{"x":1}}"#
    let file = try #require(FileHandle(forWritingAtPath: path))
    try file.seekToEnd()
    try file.write(contentsOf: Data("\(foreign)\n{\"held\":{\"_0".utf8))
    try file.close()

    let second = journal(directory)
    var manifest = try await second.open()
    #expect(manifest.epoch == 3)
    #expect(manifest.held.count == 2)
    for generation in 3..<Int64(ManifestJournal.deadLinesMax + 100) {
      try await second.append([.held(held("a", generation))])
    }
    try await second.append([.forget(key: ObjectKey(.addressSet, "b"), generation: 2)])
    await second.close()
    let text = try String(contentsOfFile: path, encoding: .utf8)
    #expect(text.contains(foreign))
    #expect(text.split(separator: "\n").count < 200)
    let third = journal(directory)
    manifest = try await third.open()
    #expect(manifest.held.map(\.generation) == [Int64(ManifestJournal.deadLinesMax + 99)])
    await third.close()
  }

  @Test func oneDirectoryHasOneAgent() async throws {
    let directory = NSTemporaryDirectory() + "haneul-journal-" + Identifier.uuid()
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let first = journal(directory)
    _ = try await first.open()
    await #expect(throws: ManifestJournal.JournalError.self) { _ = try await journal(directory).open() }
    await first.close()
  }
}
