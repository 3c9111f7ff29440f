import Contracts
import Kit
import NodeLink
import Placement
import Store
import Testing

/// Claims: where they go, what they never exceed, and that all of it comes back.
struct LedgerTests {
  @Test func theRoomiestHostIsTaken() async throws {
    let cloud = try await Fixture()
    let small = try await cloud.host("small", memory: 2048)
    let large = try await cloud.host("large", memory: 8192)
    #expect(try await cloud.claim(memory: 1024)?.nodeID == large)
    #expect(try await cloud.claim(memory: 7000) == nil)
    #expect(try await cloud.claim(memory: 6000)?.nodeID == large)
    #expect(try await cloud.claim(memory: 1024)?.nodeID == small)
    #expect(try await cloud.hosts().map(\.hostname) == ["large", "small"])
  }

  @Test func equalHostsShareServers() async throws {
    let cloud = try await Fixture()
    for name in ["a", "b", "c"] { try await cloud.host(name) }
    var taken: [String: Int] = [:]
    for _ in 0..<6 { taken[try #require(try await cloud.claim(memory: 100)).hostname, default: 0] += 1 }
    #expect(taken == ["a": 2, "b": 2, "c": 2])
  }

  @Test func eachClassBounds() async throws {
    let cloud = try await Fixture()
    try await cloud.host("h", vcpus: 2, memory: 4608, disk: 10)
    #expect(try await cloud.claim(vcpus: 3, memory: 1) == nil, "one server never gets more processors than there are")
    #expect(try await cloud.claim(vcpus: 1, memory: 4097) == nil, "512 MiB are the host's own")
    #expect(try await cloud.claim(vcpus: 1, memory: 1, disk: 11) == nil)
    for _ in 0..<4 { #expect(try await cloud.claim(vcpus: 2, memory: 1, disk: 0) != nil) }
    #expect(try await cloud.claim(vcpus: 1, memory: 1, disk: 0) == nil, "processors are given out four times over")
    let host = try #require(try await cloud.hosts().first)
    #expect(host.total == Resources(vcpus: 2, memoryMiB: 4608, diskGiB: 10))
    #expect(host.used == Resources(vcpus: 8, memoryMiB: 4, diskGiB: 0))
    #expect(host.serverCount == 4)
  }

  @Test func silentAndDisabledHostsGetNothing() async throws {
    let cloud = try await Fixture()
    #expect(try await cloud.claim() == nil)
    let id = try await cloud.host("h")
    let service = cloud.service
    try await cloud.store.write { try service.setEnabled($0, nodeID: id, false) }
    #expect(try await cloud.claim() == nil)
    #expect(
      try await cloud.get("/resource_providers/\(id)/traits").json["traits"]
        == .array([.string("COMPUTE_STATUS_DISABLED")]))
    try await cloud.host("h", id: id)
    #expect(try await cloud.claim() == nil, "a report does not enable a host")
    try await cloud.store.write { try service.setEnabled($0, nodeID: id, true) }
    #expect(try await cloud.claim() != nil)
    cloud.wait(seconds: 61)
    #expect(try await cloud.claim() == nil)
    try await cloud.report(id)
    #expect(try await cloud.claim() != nil, "a heartbeat is enough")
  }

  @Test func aClaimIsMadeOnceAndGivenBackOnce() async throws {
    let cloud = try await Fixture()
    try await cloud.host("h")
    let server = Identifier.uuid()
    for _ in 0..<3 { #expect(try await cloud.claim(server) != nil) }
    #expect(try await cloud.hosts().first?.used.memoryMiB == 1024)
    await #expect(throws: (any Error).self) { try await cloud.claim(server, memory: 2048) }
    for _ in 0..<2 { try await cloud.release(server) }
    #expect(try await cloud.hosts().first?.used == Resources(vcpus: 0, memoryMiB: 0, diskGiB: 0))
    #expect(try await cloud.hosts().first?.serverCount == 0)
    #expect(try await cloud.store.read { try $0.count("SELECT count(*) FROM consumer") } == 0)
  }

  @Test func aClaimGoesWithItsTransaction() async throws {
    struct Stop: Error {}
    let cloud = try await Fixture()
    try await cloud.host("h")
    let service = cloud.service
    await #expect(throws: Stop.self) {
      try await cloud.store.write { tx in
        _ = try service.claim(
          tx, serverID: "s", projectID: "p", userID: "u", resources: Resources(vcpus: 1, memoryMiB: 1, diskGiB: 1))
        throw Stop()
      }
    }
    #expect(try await cloud.hosts().first?.serverCount == 0)
  }

  @Test func whatAHostSaysIsStoredOnlyWhereItChanged() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.host("h")
    func state() async throws -> (generation: Int, changes: Int) {
      try await cloud.store.read {
        (
          try $0.count("SELECT generation FROM resource_provider WHERE uuid = \(id)"),
          try $0.count("SELECT count(*) FROM changes")
        )
      }
    }
    let before = try await state()
    for _ in 0..<5 { try await cloud.host("h", id: id) }
    #expect(try await state() == before)
    _ = try await cloud.claim(memory: 4000)
    try await cloud.host("renamed", id: id, memory: 1024)
    #expect(try await state().generation == before.generation + 2)
    let host = try #require(try await cloud.hosts().first)
    #expect(host.hostname == "renamed")
    #expect(host.used.memoryMiB == 4000, "what is claimed stays, even on a host that has shrunk")
    #expect(try await cloud.claim(memory: 1) == nil)
  }

  @Test("78: claims and releases, many at once, never exceed what there is") func races() async throws {
    let cloud = try await Fixture()
    try await cloud.host("a", vcpus: 4, memory: 512 + 10_240, disk: 10)
    try await cloud.host("b", vcpus: 4, memory: 512 + 5120, disk: 100)
    let granted = try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<100 { group.addTask { try await cloud.claim() == nil ? 0 : 1 } }
      return try await group.reduce(0, +)
    }
    #expect(granted == 15, "10 by disk on one, 5 by memory on the other")
    let servers = (0..<60).map { _ in Identifier.uuid() }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for server in servers {
        group.addTask {
          _ = try await cloud.claim(server, memory: 512)
          try await cloud.release(server)
        }
      }
      try await group.waitForAll()
    }
    let hosts = try await cloud.hosts()
    #expect(hosts.map(\.serverCount) == [10, 5])
    #expect(hosts.map(\.used.memoryMiB) == [10_240, 5120])
  }

  @Test func aThousandHosts() async throws {
    let cloud = try await Fixture()
    for number in 0..<1000 { try await cloud.host("h\(number)") }
    let time = try await ContinuousClock().measure { _ = try await cloud.claim() }
    print("a claim among 1000 hosts:", time)
    #expect(try await cloud.get("/resource_providers").json["resource_providers"]?.array?.count == 1000)
  }

  @Test func refusalsSayWhatIsShort() async throws {
    let ledger = try await Fixture()
    let small = try await ledger.host("small", vcpus: 1, memory: 1024, disk: 10)
    let full = try await ledger.host("full", vcpus: 8, memory: 4608, disk: 100)
    let good = try await ledger.host("good", vcpus: 8, memory: 8704, disk: 100)
    let server = Identifier.uuid()
    try await ledger.store.write { [service = ledger.service] tx in
      try service.hold(
        tx, ClaimRecord(serverID: server, nodeID: full, resources: Resources(vcpus: 1, memoryMiB: 3000, diskGiB: 1)),
        projectID: "p", userID: "u")
      try service.setEnabled(tx, nodeID: small, false)
    }
    ledger.wait(seconds: 61)
    try await ledger.report(full)
    let refusals = try await ledger.store.read { [service = ledger.service] in
      try service.refusals($0, resources: Resources(vcpus: 2, memoryMiB: 2048, diskGiB: 5))
    }
    #expect(refusals.map(\.hostname) == ["full", "good", "small"])
    #expect(refusals[0].reasons == [.memoryMiB(asked: 2048, free: 1096)])
    #expect(refusals[1].reasons == [.silent(seconds: 61)])
    #expect(
      refusals[2].reasons
        == [.disabled, .silent(seconds: 61), .vcpus(asked: 2, free: 1), .memoryMiB(asked: 2048, free: 512)])
    try await ledger.report(good)
    let rest = try await ledger.store.read { [service = ledger.service] in
      try service.refusals($0, resources: Resources(vcpus: 2, memoryMiB: 2048, diskGiB: 5))
    }
    #expect(rest.map(\.hostname) == ["full", "small"])
  }

  @Test func claimsAreListedAndWrittenAnew() async throws {
    let ledger = try await Fixture()
    let (one, two) = (try await ledger.host("one"), try await ledger.host("two"))
    let servers = (1...5).map { "00000000-0000-4000-8000-00000000000\($0)" }
    for server in servers { _ = try await ledger.claim(server) }
    let service = ledger.service
    let first = try await ledger.store.read { try service.claims($0, after: "", limit: 3) }
    #expect(first.map(\.serverID) == Array(servers.prefix(3)))
    #expect(first.allSatisfy { $0.resources == Resources(vcpus: 1, memoryMiB: 1024, diskGiB: 1) })
    let rest = try await ledger.store.read { try service.claims($0, after: servers[2], limit: 3) }
    #expect(rest.map(\.serverID) == Array(servers.suffix(2)))
    // Whatever room there is: the guest is there.
    let wanted = ClaimRecord(
      serverID: servers[0], nodeID: two, resources: Resources(vcpus: 100, memoryMiB: 99_999, diskGiB: 0))
    for _ in 0..<2 {
      try await ledger.store.write { try service.hold($0, wanted, projectID: "p", userID: "u") }
    }
    #expect(try await ledger.store.read { try service.claims($0, servers: [servers[0]]) } == [wanted])
    let unknown = ClaimRecord(serverID: servers[1], nodeID: "nowhere", resources: wanted.resources)
    let before = try await ledger.store.read { try service.claims($0, servers: [servers[1]]) }
    try await ledger.store.write { try service.hold($0, unknown, projectID: "p", userID: "u") }
    #expect(try await ledger.store.read { try service.claims($0, servers: [servers[1]]) } == before)
    #expect(try await ledger.hosts().map(\.serverCount).reduce(0, +) == 5)
    #expect(one != two)
  }
}
