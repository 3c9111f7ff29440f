import Drivers
import Foundation
import Kit
import Logging
import NodeLink
import Simulation
import Synchronization
import Testing

@testable import Agent

/// The node's own disk under attack, on a real file system of a few pages.
@Suite struct JournalTests {
  /// A tmpfs of its own, gone with this value.
  private final class SmallDisk: Sendable {
    let path: String

    init(pages: Int) throws {
      path = NSTemporaryDirectory() + "haneul-disk-" + Identifier.uuid()
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      try mount(flags: 0, "size=\(pages * 4096)")
    }

    deinit {
      umount2(path, Int32(MNT_DETACH))
      rmdir(path)
    }

    private func mount(flags: UInt, _ options: String) throws {
      guard Glibc.mount("tmpfs", path, "tmpfs", flags, options) == 0 else {
        throw NeverCame(description: "tmpfs cannot be mounted: errno \(errno)")
      }
    }

    func fill() throws {
      let file = open(path + "/filler", O_WRONLY | O_CREAT, 0o600)
      let page = [UInt8](repeating: 1, count: 4096)
      while write(file, page, page.count) > 0 {}
      close(file)
    }

    func clear() { unlink(path + "/filler") }

    func readOnly(_ on: Bool) throws { try mount(flags: UInt(MS_REMOUNT) | (on ? UInt(MS_RDONLY) : 0), "") }
  }

  private func journal(_ directory: String) -> ManifestJournal {
    var logger = Logger(label: "journal")
    logger.logLevel = .critical
    return ManifestJournal(directory: directory, logger: logger)
  }

  private func held(_ id: String, _ generation: Int64) -> JournalEntry {
    .held(
      HeldObject(
        key: ObjectKey(.addressSet, id), generation: generation, requestID: nil,
        spec: .addressSet(AddressSetSpec(id: id, addresses: ["10.0.0.1"])), buried: false))
  }

  @Test func aFullDiskLosesNothingAndIsUsedAgainWhenThereIsRoom() async throws {
    let disk = try SmallDisk(pages: 16)
    let directory = disk.path + "/manifest"
    let first = journal(directory)
    _ = try await first.open()
    try await first.append([held("a", 1)])
    try disk.fill()
    var written: Int64 = 1
    await #expect(throws: ManifestJournal.JournalError.self) {
      // The present page has room for a few more.
      for generation in Int64(2)..<2000 {
        try await first.append([held("a", generation)])
        written = generation
      }
    }
    // What was refused leaves no trace, and what was accepted is there.
    var manifest = try await reopen(first, directory)
    #expect(manifest.held.map(\.generation) == [written])
    disk.clear()
    let third = journal(directory)
    _ = try await third.open()
    for generation in Int64(2001)..<2010 { try await third.append([held("a", generation), held("b", generation)]) }
    manifest = try await reopen(third, directory)
    #expect(Set(manifest.held.map(\.generation)) == [2009])
    #expect(manifest.held.count == 2)
  }

  private func reopen(_ old: ManifestJournal, _ directory: String) async throws -> HeldManifest {
    await old.close()
    let next = journal(directory)
    let manifest = try await next.open()
    await next.close()
    return manifest
  }

  @Test func aJournalThatCannotBeWrittenAnewGoesOnAsItIs() async throws {
    let disk = try SmallDisk(pages: 400)
    let directory = disk.path + "/manifest"
    let first = journal(directory)
    _ = try await first.open()
    // So many lines that the file is written anew in the middle; there is no room for two of them then.
    let many = (0..<200).map { held("object-\($0)", 1) }
    try await first.append(many)
    try disk.fill()
    disk.clear()
    let rest = try #require(
      try? FileManager.default.attributesOfFileSystem(forPath: disk.path)[.systemFreeSize] as? Int)
    let file = open(disk.path + "/filler", O_WRONLY | O_CREAT, 0o600)
    // Room for the lines to come, and not for a second file.
    let filler = [UInt8](repeating: 1, count: max(0, rest - (ManifestJournal.deadLinesMax + 400) * 200))
    #expect(write(file, filler, filler.count) == filler.count)
    close(file)
    var last: Int64 = 1
    for generation in Int64(2)..<Int64(ManifestJournal.deadLinesMax + 300) {
      do { try await first.append([held("a", generation)]) } catch { break }
      last = generation
    }
    #expect(last > 100)
    let manifest = try await reopen(first, directory)
    #expect(manifest.held.first { $0.key.id == "a" }?.generation == last)
    #expect(manifest.held.count == 201)
  }

  @Test func anAgentOnAReadOnlyDiskStillTendsItsGuests() async throws {
    let disk = try SmallDisk(pages: 64)
    let host = try Host(directory: disk.path)
    var (id, port) = ("", "")
    try await host.withAgent { agent in
      (id, port) = try await host.bootServer()
      try await eventually("written") { await agent.unwritten.isEmpty }
    }
    try disk.readOnly(true)
    host.hypervisor.happen(id, .stopped, "destroyed")
    try await host.withAgent { agent in
      let (id, port) = (id, port)
      try await eventually("booted again") { host.hypervisor.power(id) == .running }
      let reply = await host.dataplane.ask(
        network: host.networkID, address: "10.0.0.5", path: "/openstack/latest/meta_data.json")
      #expect(reply?.status == 200)
      // A new server has to be remembered before it may be: it waits, and says why.
      let (other, _) = host.askForServer()
      try await eventually("told") { host.control.seen(.server, other)?.condition?.type == "NodeDiskFailed" }
      #expect(host.hypervisor.power(other) == nil)
      // Stopping needs no memory.
      host.control.put(.server, id, host.server(id, ports: [port]) { $0.power = .stopped })
      try await eventually("stopped") { host.hypervisor.power(id) == .stopped }
      try disk.readOnly(false)
      try await eventually("it runs now") { host.control.seen(.server, other)?.ready == true }
      try await eventually("all is written") { await agent.unwritten.isEmpty }
    }
    host.control.cut()
    try await host.withAgent { agent in
      try await eventually("it is on the disk") { await agent.manifest.server(id)?.power == .stopped }
    }
  }

  @Test func anAgentOnAFullDiskGoesOnWhenThereIsRoom() async throws {
    let disk = try SmallDisk(pages: 64)
    let host = try Host(directory: disk.path)
    try await host.withAgent { agent in
      let (id, port) = try await host.bootServer()
      try disk.fill()
      // Until the last page is full too.
      for _ in 0..<40 { host.control.put(.server, id, host.server(id, ports: [port]) { $0.name = Identifier.hex() }) }
      try await eventually("it is full") { await !agent.unwritten.isEmpty }
      host.control.bury(.server, id)
      try await eventually("a delete needs no room") { host.hypervisor.power(id) == nil }
      try await always("it is not told before it is remembered") { host.control.seen(.server, id)?.removed != true }
      disk.clear()
      try await eventually("and then it is") { host.control.seen(.server, id)?.removed == true }
      try await eventually("all is written") { await agent.unwritten.isEmpty }
      let (other, _) = try await host.bootServer()
      #expect(host.hypervisor.power(other) == .running)
    }
    host.control.cut()
    try await host.withAgent { agent in
      try await eventually("it is on the disk") { await agent.manifest.serverIDs.count == 1 }
    }
  }

  @Test func aRebootOfTheHostMakesWhatWasSettledNewAgain() async throws {
    let directory = NSTemporaryDirectory() + "haneul-journal-" + Identifier.uuid()
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let key = ObjectKey(.addressSet, "a")
    let first = journal(directory)
    _ = try await first.open()
    try await first.append([.boot(id: "1"), held("a", 1), .settled(key: key, generation: 1), .network(epoch: 3)])
    var manifest = try await reopen(first, directory)
    #expect(manifest.isSettled(key, generation: 1))
    #expect(manifest.networkEpoch == 3)
    let second = journal(directory)
    _ = try await second.open()
    try await second.append([.boot(id: "2")])
    // Twice: the file is written anew between.
    for _ in 0..<2 {
      manifest = try await reopen(second, directory)
      #expect(!manifest.isSettled(key, generation: 1))
      #expect(manifest.networkEpoch == nil)
      #expect(manifest.bootID == "2")
    }
  }
}
