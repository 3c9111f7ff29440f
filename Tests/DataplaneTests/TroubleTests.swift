import CLinux
import Drivers
import Foundation
import Kit
import NodeLink
import Testing

@testable import Dataplane

/// A host in trouble: restarts, disks that refuse, half-done work, bad neighbours.
@Suite struct TroubleTests {
  private static func generation() async throws -> Int64 { try await NamespaceThread().run { clinux_nft_generation() } }

  private static func listing(_ cloud: TestCloud) async throws -> String {
    let table = cloud.tag.nftTable
    return try await NamespaceThread().run {
      let nftables = try Nftables()
      return ["bridge", "inet"].map { nftables.table($0, table) ?? "" }.joined()
    }
  }

  // MARK: restarts

  /// A new process asks for the same and touches nothing: chains keep their handles, daemons their pids.
  @Test func restartLoadsNothingWhereNothingDiffers() async throws {
    try await TestCloud.with(externalAddress: "100.64.81.1/24") { cloud in
      let setup = RouterTests.build(cloud, 81)
      // Ports that came in another order than their ids have other marks than a fresh count would give.
      let late = cloud.intent.ports.keys.sorted().first.flatMap { cloud.intent.ports.removeValue(forKey: $0) }
      await cloud.applyAll()
      if let late { cloud.intent.ports[late.id] = late }
      await cloud.applyAll()
      func handles() async throws -> [String] {
        var texts: [String] = []
        for family in ["bridge", "inet"] {
          texts.append(try await Tool.run("nft", ["-a", "-s", "list", "table", family, cloud.tag.nftTable]).output)
        }
        texts.append(
          try await Tool.run(
            "nsenter",
            ["--net=/run/netns/\(cloud.tag.routerNamespace(setup.router))", "nft", "-a", "-s", "list", "ruleset"]
          ).output)
        return texts
      }
      let before = try await handles()
      #expect(before.allSatisfy { $0.contains("handle") })
      let result = await cloud.secondDriver().apply(cloud.intent)
      #expect(result.changes == [])
      #expect(result.outcomes.values.allSatisfy { $0.ready })
      #expect(try await handles() == before)
    }
  }

  /// What was done to the tables while no process was there is told by the next.
  @Test func whatWasDoneWhileAwayIsTold() async throws {
    try await TestCloud.with { cloud in
      let network = cloud.addNetwork(82)
      _ = cloud.addPort(network, 21)
      await cloud.applyAll()
      let right = try await Self.listing(cloud)
      let table = cloud.tag.nftTable
      try await MeddlingTests.commit([["nft", "insert", "rule", "inet", table, "forward", "counter", "accept"]])
      let told = await cloud.secondDriver().apply(cloud.intent).changes
      #expect(told.map(\.field) == [.rules] && told.first?.key == nil)
      #expect(told.first?.found.contains("table inet \(table)") == true, "\(told)")
      #expect(try await Self.listing(cloud) == right)
      // A change of what is asked is no drift, also where another process finds it.
      cloud.intent.securityGroups[cloud.addGroup()]?.rules.removeAll()
      #expect(await cloud.secondDriver().apply(cloud.intent).changes == [])
    }
  }

  /// A process that was given the pid of a daemon that ended is not taken for it, nor hurt.
  @Test func reusedPIDIsNotTakenForOurs() async throws {
    try await TestCloud.with { cloud in
      let network = cloud.addNetwork(83)
      await cloud.applyAll()
      let file = "\(cloud.directory)/networks/\(network.id)/pid"
      let old = try String(contentsOfFile: file, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
      let stranger = Process()
      stranger.executableURL = URL(filePath: "/bin/sleep")
      stranger.arguments = ["300"]
      // Its own output: who holds the tests' would hold up whoever waits for their end.
      stranger.standardOutput = FileHandle.nullDevice
      stranger.standardError = FileHandle.nullDevice
      try stranger.run()
      // It may have been born with SIGTERM blocked.
      defer { kill(stranger.processIdentifier, SIGKILL) }
      // The pid file lies, and the daemon itself still runs: it is ended before another is started.
      try "\(stranger.processIdentifier)\n".write(toFile: file, atomically: true, encoding: .utf8)
      let changes = await cloud.apply().changes
      #expect(changes.map(\.field) == [.dhcpDaemon], "\(changes)")
      #expect(stranger.isRunning)
      let new = try String(contentsOfFile: file, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
      #expect(new != old && new != "\(stranger.processIdentifier)")
      // Nobody may have reaped it, but it runs no more.
      #expect(Daemon.commandLine(try #require(pid_t(old))).isEmpty)
    }
  }

  /// A file of leases comes back with what stood in it: no guest loses its address.
  @Test func deletedLeasesComeBackAsTheyWere() async throws {
    try await TestCloud.with { cloud in
      let network = cloud.addNetwork(84)
      let port = cloud.addPort(network, 21)
      await cloud.applyAll()
      let guest = try await cloud.frames(port)
      guest.send(try Frame.dhcp(type: 3, mac: guest.mac, options: [50, 4, 10, 84, 0, 21]))
      #expect(guest.first(within: 30_000) { DHCPAnswer($0) != nil } != nil)
      let path = "\(cloud.directory)/networks/\(network.id)/leases"
      let leased = try await RouterTests.eventually {
        (try? String(contentsOfFile: path, encoding: .utf8))?.contains("10.84.0.21") == true
      }
      #expect(leased)
      try FileManager.default.removeItem(atPath: path)
      #expect(await cloud.apply().changes.map(\.field) == [.leases])
      #expect(try String(contentsOfFile: path, encoding: .utf8).contains("10.84.0.21"))
      #expect(await cloud.apply().changes == [])
    }
  }

  // MARK: disks

  /// On a disk that takes nothing, traffic is repaired all the same, what cannot be done says so, no file is torn, and
  /// everything goes on when the disk does.
  @Test(arguments: ["full", "read-only"]) func refusingDisk(kind: String) async throws {
    try await TestCloud.with { cloud in
      try FileManager.default.createDirectory(atPath: cloud.directory, withIntermediateDirectories: true)
      try await MeddlingTests.commit([["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", cloud.directory]])
      do {
        try await onRefusingDisk(cloud, kind)
      } catch {
        Issue.record(error)
      }
      _ = await cloud.removeAll()
      try await MeddlingTests.commit([["umount", "-l", cloud.directory]])
    }
  }

  private func onRefusingDisk(_ cloud: TestCloud, _ kind: String) async throws {
    let network = cloud.addNetwork(kind == "full" ? 85 : 86)
    let port = cloud.addPort(network, 21)
    await cloud.applyAll()
    let hosts = "\(cloud.directory)/networks/\(network.id)/hosts"
    let before = try String(contentsOfFile: hosts, encoding: .utf8)
    let filler = "\(cloud.directory)/filler"
    if kind == "full" {
      _ = try await Tool.run("dd", ["if=/dev/zero", "of=\(filler)", "bs=4k", "status=none"])
    } else {
      // Beside what dnsmasq has open: a second mount on top, which takes nothing.
      try await MeddlingTests.commit([
        ["mount", "--bind", cloud.directory, cloud.directory], ["mount", "-o", "remount,bind,ro", cloud.directory],
      ])
    }
    let tap = cloud.driver.tap(portID: port.id)
    try await MeddlingTests.commit([
      ["ip", "link", "del", tap], ["nft", "delete", "table", "inet", cloud.tag.nftTable],
    ])
    let repaired = await cloud.apply()
    #expect(Set(repaired.changes.map(\.field)) == [.tap, .rules])
    #expect(repaired.changes.allSatisfy { !$0.done.hasPrefix("not done") }, "\(repaired.changes)")
    #expect(repaired.outcomes.values.allSatisfy { $0.ready }, "\(repaired.outcomes)")
    #expect(try await Self.listing(cloud).contains("ingress_\(port.id.compact)"))

    let late = cloud.addPort(network, 22)
    let outcomes = await cloud.apply().outcomes
    let problem = outcomes[ObjectKey(.network, network.id)]
    #expect(problem?.problemType == "DiskFailed", "\(outcomes)")
    #expect(problem?.problem?.contains(kind == "full" ? "No space left" : "Read-only") == true, "\(outcomes)")
    #expect(try String(contentsOfFile: hosts, encoding: .utf8) == before)
    #expect(try await HostLinks.read()[cloud.driver.tap(portID: late.id)]?.up == true)
    let pid = try String(contentsOfFile: "\(cloud.directory)/networks/\(network.id)/pid", encoding: .utf8)
    #expect(FileManager.default.fileExists(atPath: "/proc/\(pid.trimmingCharacters(in: .whitespacesAndNewlines))"))

    if kind == "full" {
      try FileManager.default.removeItem(atPath: filler)
    } else {
      try await MeddlingTests.commit([["umount", cloud.directory]])
    }
    await cloud.applyAll()
    #expect(try String(contentsOfFile: hosts, encoding: .utf8).contains("10.\(kind == "full" ? 85 : 86).0.22"))
    let names = FileManager.default.enumerator(atPath: cloud.directory)?.allObjects.compactMap { $0 as? String } ?? []
    #expect(!names.contains { $0.hasSuffix(".new") }, "\(names)")
  }

  /// Files that a power cut or a hand tore are no obstacle, and nobody's marks or zones mix.
  @Test func tornFilesAreNoObstacle() async throws {
    try await TestCloud.with(externalAddress: "100.64.87.1/24") { cloud in
      let setup = RouterTests.build(cloud, 87)
      await cloud.applyAll()
      let (one, two) = (try await cloud.frames(setup.other), try await cloud.frames(setup.port))
      for (file, text) in [
        ("zones.json", "{\"a\":7,\"b\":7}"), ("flows.json", "{\"ports\":"), ("marks.json", "\u{0}\u{0}"),
        ("rules.json", ""), ("routers/\(setup.router)/rules.json", "[]"),
        ("routers/\(setup.router)/floating.json", "{"),
      ] { try text.write(toFile: "\(cloud.directory)/\(file)", atomically: false, encoding: .utf8) }
      let result = await cloud.secondDriver().apply(cloud.intent)
      #expect(result.outcomes.values.allSatisfy { $0.ready }, "\(result.outcomes)")
      try one.udp(to: two, port: 53, text: "after the tear")
      #expect(two.hears("after the tear"))
      #expect(await cloud.secondDriver().apply(cloud.intent).changes == [])
    }
  }

  // MARK: half-done work

  /// A process that ended in the middle of its commands left devices half made: all of it is put right.
  @Test func halfMadeDevicesAreFinished() async throws {
    try await TestCloud.with(externalAddress: "100.64.88.1/24") { cloud in
      let setup = RouterTests.build(cloud, 88)
      let network = setup.port.networkID
      let bridge = cloud.tag.interface(.bridge, network)
      let tap = cloud.driver.tap(portID: setup.port.id)
      try await MeddlingTests.commit([
        ["ip", "link", "add", bridge, "type", "bridge"], ["ip", "tuntap", "add", "dev", tap, "mode", "tap"],
        ["ip", "netns", "add", cloud.tag.dhcpNamespace(network)],
        ["ip", "link", "add", cloud.names.externalBridge, "type", "bridge"],
      ])
      try "".write(
        toFile: "/run/netns/\(cloud.tag.routerNamespace(setup.router))", atomically: false, encoding: .utf8)
      await cloud.applyAll()
      #expect(await cloud.apply().changes == [])
      for device in [bridge, tap, cloud.names.externalBridge] {
        let link = try await HostLinks.read()[device]
        #expect(link?.up == true && link?.addressesItself == false, "\(device)")
      }
      let ipv6 = try String(contentsOfFile: "/proc/sys/net/ipv6/conf/\(bridge)/disable_ipv6", encoding: .utf8)
      #expect(ipv6 == "1\n")
      let guest = try await cloud.frames(setup.port)
      guest.send(try Frame.dhcp(type: 1, mac: guest.mac))
      #expect(guest.first(within: 30_000) { DHCPAnswer($0) != nil } != nil)
    }
  }

  /// A removal that was cut off is finished by the next, also where pid files are gone and daemons still run.
  @Test func halfDoneRemovalIsFinished() async throws {
    try await TestCloud.with(externalAddress: "100.64.89.1/24") { cloud in
      let setup = RouterTests.build(cloud, 89)
      await cloud.applyAll()
      let network = setup.port.networkID
      try FileManager.default.removeItem(atPath: "\(cloud.directory)/networks/\(network)/pid")
      try FileManager.default.removeItem(atPath: "\(cloud.directory)/routers/\(setup.router)/radvd.pid")
      try await MeddlingTests.commit([
        ["ip", "netns", "del", cloud.tag.routerNamespace(setup.router)],
        ["ip", "link", "del", cloud.tag.interface(.bridge, network)],
      ])
      for (key, outcome) in await cloud.removeAll() { #expect(outcome.ready, "\(key) \(outcome.problem ?? "")") }
      let gone = try await RouterTests.eventually {
        try await HostLinks.read().named(cloud.tag.interfacePrefix) == [cloud.names.externalBridge]
      }
      #expect(gone)
      let spaces = try await HostLinks.read().namespaces.filter { $0.hasPrefix(cloud.tag.namespacePrefix) }
      #expect(spaces.isEmpty)
      let processes = try await Tool.run("ps", ["-eo", "args"]).output
      #expect(!processes.contains(cloud.directory))
    }
  }

  // MARK: bad neighbours

  /// Many routers that cannot be made hold nobody else up: the good one works.
  @Test func badRoutersStopNobody() async throws {
    try await TestCloud.with(externalAddress: "100.64.90.1/24") { cloud in
      let setup = RouterTests.build(cloud, 90)
      let good = try #require(cloud.intent.routers[setup.router])
      for number in 0..<12 {
        var bad = good
        bad.id = Identifier.uuid()
        bad.floatingIPs = []
        bad.gateway = nil
        bad.interfaces[0].portID = Identifier.uuid()
        switch number % 4 {
        case 0: bad.interfaces[0].mac = "no MAC"
        case 1: bad.interfaces[0].networkID = Identifier.uuid()
        case 2: bad.routes = [.init(destination: "192.0.2.0/24", nexthop: "198.51.100.77")]
        default: bad.interfaces[0].addresses = ["10.90.0.300/24"]
        }
        cloud.intent.routers[bad.id] = bad
      }
      let outcomes = await cloud.apply().outcomes
      let bad = outcomes.filter { $0.key.kind == .router && $0.key.id != setup.router }
      #expect(bad.count == 12 && bad.values.allSatisfy { !$0.ready && $0.problem != nil }, "\(bad)")
      for (key, outcome) in outcomes where bad[key] == nil { #expect(outcome.ready, "\(key) \(outcome.problem ?? "")") }
      let guest = try await RouterTests.guest(cloud, setup.other, 90)
      let reached = try await RouterTests.eventually { try await guest.pings("100.64.90.1") }
      #expect(reached)
      await guest.end()
      cloud.intent.removed.formUnion(bad.keys)
      for key in bad.keys { cloud.intent.routers[key.id] = nil }
      await cloud.applyAll()
    }
  }

  /// Bad data of one port stops only that port; the others' rules change while it stands there.
  @Test func badPortStopsOnlyItself() async throws {
    try await TestCloud.with { cloud in
      let network = cloud.addNetwork(91)
      let group = cloud.addGroup()
      let a = cloud.addPort(network, 21, groups: [group])
      let b = cloud.addPort(network, 22, groups: [group])
      let bad = cloud.addPort(network, 23, groups: [group])
      cloud.intent.ports[bad.id]?.allowedAddressPairs = [.init(mac: "", address: "10.0.0.0/8; drop")]
      let strange = cloud.addPort(
        network, 24, groups: [cloud.addGroup([TestCloud.rule(.ingress, number: 112, ports: 1...2)])])
      let outcomes = await cloud.apply().outcomes
      #expect(outcomes[ObjectKey(.port, bad.id)]?.ready == false)
      #expect(outcomes[ObjectKey(.port, strange.id)]?.problemType == "RulesRejected")
      #expect(outcomes[ObjectKey(.port, a.id)]?.ready == true && outcomes[ObjectKey(.port, b.id)]?.ready == true)
      let (one, two) = (try await cloud.frames(a), try await cloud.frames(b))
      cloud.intent.securityGroups[group]?.rules.append(TestCloud.rule(.ingress, number: 17))
      _ = await cloud.apply()
      try one.udp(to: two, port: 53, text: "the change reached the running port")
      #expect(two.hears("the change reached the running port"))
    }
  }

  @Test func foreignBridgesAreShownAndLeftAlone() async throws {
    let name = "br-\(UInt32.random(in: 0...0xffffff))"
    try await MeddlingTests.commit([["ip", "link", "add", name, "type", "bridge"]])
    try await TestCloud.with(externalAddress: "100.64.92.1/24") { cloud in
      _ = cloud.addNetwork(92)
      let result = await cloud.apply()
      #expect(result.foreignBridges.contains(name))
      #expect(!result.foreignBridges.contains { $0.hasPrefix(cloud.tag.interfacePrefix) })
      #expect(await cloud.apply().foreignBridges.contains(name))
      let events = cloud.driver.events()
      try await MeddlingTests.commit([["ip", "link", "add", "\(name)b", "type", "bridge"]])
      #expect(await MeddlingTests.hears(events))
      #expect(await cloud.apply().foreignBridges.contains("\(name)b"))
      try await MeddlingTests.commit([["ip", "link", "del", "\(name)b"]])
      let left = try await HostLinks.read()[name]
      #expect(left?.kind == "bridge")
    }
    try await MeddlingTests.commit([["ip", "link", "del", name]])
  }
}

extension TroubleTests {
  /// `ip` ends at a word it cannot read: the lines behind it are carried out all the same.
  @Test func unreadableLineStopsOnlyItself() async throws {
    let space = "haneul-test-\(UInt32.random(in: 0...UInt32.max))"
    var host = IPBatch()
    host.add("netns add \(space)")
    _ = await host.run(logger: testLogger)
    let keys = (0..<4).map { _ in ObjectKey(.port, Identifier.uuid()) }
    var batch = IPBatch()
    batch.add("link add ba type bridge", for: keys[0])
    batch.add("tuntap add dev ta mode tap", for: keys[1])
    batch.add("link set ta master no-such-bridge", for: keys[1])
    batch.add("link set no-such-device up", for: keys[2])
    batch.add("link set lo mtu nonsense", for: keys[2])
    batch.add("link add bb type bridge", for: keys[3])
    let failed = await batch.run(in: space, logger: testLogger)
    #expect(Set(failed.keys) == [keys[1], keys[2]], "\(failed)")
    #expect(failed[keys[1]]?.message.contains("no-such-bridge") == true, "\(failed)")
    let devices = try await NamespaceThread().run(in: space) { NamespaceView.read().devices }
    #expect(Set(devices.keys).isSuperset(of: ["ba", "bb", "ta"]))
    var end = IPBatch()
    end.add("netns del \(space)")
    _ = await end.run(logger: testLogger)
  }
}
