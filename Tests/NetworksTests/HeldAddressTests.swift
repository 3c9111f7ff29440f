import Contracts
import Foundation
import Kit
import NodeLink
import Store
import Testing

@testable import Networks

/// Addresses and MACs of ports that are gone, on hosts that have not said so yet.
struct HeldAddressTests {
  private let server = Identifier.uuid()

  private func generation(_ cloud: Fixture, _ port: String, on node: String = "node-1") async throws -> Int64 {
    let row = try await cloud.store.read { try ManifestTable.find($0, node: node, ObjectKey(.port, port)) }
    return try #require(row).generation
  }

  /// What the host says of a port.
  private func say(
    _ cloud: Fixture, _ port: String, _ generation: Int64, ready: Bool = true, removed: Bool = false,
    node: String = "node-1"
  ) async throws {
    try await cloud.report(
      [Observation(key: ObjectKey(.port, port), generation: generation, ready: ready, removed: removed)], from: node)
  }

  private func ask(_ cloud: Fixture, _ network: String, _ address: String, mac: String? = nil) async throws -> Answer {
    let more = mac.map { ", \"mac_address\": \"\($0)\"" } ?? ""
    return try await cloud.call(
      "POST", "/ports",
      "{\"port\": {\"network_id\": \"\(network)\", \"fixed_ips\": [{\"ip_address\": \"\(address)\"}]\(more)}}")
  }

  @Test func aDeletedPortsAddressAndMACAreFreeWhenItsHostHasSaidSo() async throws {
    let cloud = try await Fixture()
    try await cloud.report()
    let (network, _) = try await cloud.network()
    let port = try #require(
      try await cloud.attach(server, [.network(id: network, fixedIP: "10.1.0.77", tag: nil)]).first)
    #expect(try await cloud.call("DELETE", "/ports/\(port.id)").status == 204)
    let buried = try await generation(cloud, port.id)
    let refused = try await ask(cloud, network, "10.1.0.77")
    #expect(refused.status == 409 && refused.fault == "IpAddressAlreadyAllocated", "\(refused)")
    let sameMAC = try await ask(cloud, network, "10.1.0.78", mac: port.mac)
    #expect(sameMAC.status == 409 && sameMAC.fault == "MacAddressInUse", "\(sameMAC)")
    let card = await #expect(throws: (any Error).self) {
      try await cloud.attach(Identifier.uuid(), [.network(id: network, fixedIP: "10.1.0.77", tag: nil)])
    }
    #expect(cloud.status(card) == 400)
    // What speaks of before the removal, of another host, or of trouble with it, frees nothing.
    try await say(cloud, port.id, buried - 1)
    try await say(cloud, port.id, buried - 1, removed: true)
    try await say(cloud, port.id, buried, removed: true, node: "node-2")
    try await say(cloud, port.id, buried, ready: false)
    #expect(try await ask(cloud, network, "10.1.0.77").status == 409)
    try await say(cloud, port.id, buried, removed: true)
    #expect(try await ask(cloud, network, "10.1.0.77", mac: port.mac).status == 201)
  }

  /// Neither a random choice nor the search in order gives a held address out; other networks have it as ever.
  @Test func nobodyIsGivenAHeldAddress() async throws {
    let cloud = try await Fixture()
    let (network, _) = try await cloud.network("10.1.0.0/29")
    // 10.1.0.1 is the gateway, .2 DHCP's; of the other four, two are held.
    for address in ["10.1.0.3", "10.1.0.5"] {
      let port = try #require(
        try await cloud.attach(server, [.network(id: network, fixedIP: address, tag: nil)]).first)
      #expect(try await cloud.call("DELETE", "/ports/\(port.id)").status == 204)
    }
    var given: Set<String> = []
    for _ in 1...2 {
      let port = try await cloud.make("ports", "{\"network_id\": \"\(network)\"}")
      given.insert(port["fixed_ips"]?.array?.first?[path: "ip_address"] ?? "")
    }
    #expect(given == ["10.1.0.4", "10.1.0.6"])
    let none = try await cloud.call("POST", "/ports", "{\"port\": {\"network_id\": \"\(network)\"}}")
    #expect(none.status == 409 && none.fault == "IpAddressGenerationFailure", "\(none)")
    let other = try await cloud.network("10.1.0.0/29").network
    #expect(try await ask(cloud, other, "10.1.0.3").status == 201)
  }

  @Test func anAddressThatAPortGaveUpIsHeldToo() async throws {
    let cloud = try await Fixture()
    let (network, _) = try await cloud.network()
    let port = try #require(
      try await cloud.attach(server, [.network(id: network, fixedIP: "10.1.0.20", tag: nil)]).first)
    func move(_ address: String) async throws -> Int {
      try await cloud.call(
        "PUT", "/ports/\(port.id)", "{\"port\": {\"fixed_ips\": [{\"ip_address\": \"\(address)\"}]}}"
      ).status
    }
    #expect(try await move("10.1.0.21") == 200)
    #expect(try await ask(cloud, network, "10.1.0.20").status == 409)
    // It may have it back itself.
    #expect(try await move("10.1.0.20") == 200)
    #expect(try await move("10.1.0.22") == 200)
    let last = try await generation(cloud, port.id)
    try await say(cloud, port.id, last - 1)
    #expect(try await ask(cloud, network, "10.1.0.20").status == 409)
    try await say(cloud, port.id, last)
    for address in ["10.1.0.20", "10.1.0.21"] {
      #expect(try await ask(cloud, network, address).status == 201)
    }
    // A change that leaves the addresses holds nothing.
    #expect(try await cloud.call("PUT", "/ports/\(port.id)", "{\"port\": {\"admin_state_up\": false}}").status == 200)
    #expect(try await cloud.store.read { try $0.count("SELECT count(*) FROM held_address") } == 0)
  }

  /// A user's own port that was taken off a server is wired at one host at a time.
  @Test func aPortGoesToAnotherHostWhenTheFirstHasLetGo() async throws {
    let cloud = try await Fixture()
    let (network, _) = try await cloud.network()
    let own = try await cloud.make("ports", "{\"network_id\": \"\(network)\"}")[path: "id"]
    _ = try await cloud.attach(server, [.port(id: own, tag: nil)])
    try await cloud.release(server)
    let buried = try await generation(cloud, own)
    let refused = await #expect(throws: (any Error).self) {
      try await cloud.attach(Identifier.uuid(), [.port(id: own, tag: nil)], node: "node-2")
    }
    #expect(cloud.status(refused) == 409)
    // The same host does one after the other.
    let second = Identifier.uuid()
    _ = try await cloud.attach(second, [.port(id: own, tag: nil)])
    try await say(cloud, own, buried, removed: true)
    try await cloud.release(second)
    try await say(cloud, own, try await generation(cloud, own), removed: true)
    #expect(try await cloud.attach(Identifier.uuid(), [.port(id: own, tag: nil)], node: "node-2").map(\.id) == [own])
  }

  /// A host that is gone for good: its administrator says so, as for a dead agent of Neutron's.
  @Test func anAdministratorGivesADeadHostUp() async throws {
    let cloud = try await Fixture()
    try await cloud.report()
    let (network, _) = try await cloud.network()
    let port = try #require(
      try await cloud.attach(server, [.network(id: network, fixedIP: "10.1.0.30", tag: nil)]).first)
    #expect(try await cloud.call("DELETE", "/ports/\(port.id)").status == 204)
    let path = "/agents/\(cloud.node)"
    #expect(try await cloud.call("DELETE", path).status == 403)
    let alive = try await cloud.call("DELETE", path, as: "admin")
    #expect(alive.status == 409 && alive.fault == "Conflict", "\(alive)")
    #expect(try await ask(cloud, network, "10.1.0.30").status == 409)
    let long = Timestamp.now().adding(seconds: -3600)
    try await cloud.store.write { try $0.execute("UPDATE network_agent SET last_seen = \(long)") }
    #expect(try await cloud.call("DELETE", path, as: "admin").status == 204)
    #expect(try await cloud.call("DELETE", path, as: "admin").fault == "AgentNotFound")
    #expect(try await ask(cloud, network, "10.1.0.30").status == 201)
    // It comes back: it is an agent again, and its tombstone still waits for it.
    try await cloud.report()
    #expect(try await cloud.call("GET", path, as: "admin").status == 200)
    #expect(try await cloud.tombstones() > 0)
  }

  /// What no manifest speaks of any more is let go of by itself.
  @Test func whatNoManifestKnowsIsNotHeld() async throws {
    let cloud = try await Fixture()
    let (network, _) = try await cloud.network()
    let port = try #require(
      try await cloud.attach(server, [.network(id: network, fixedIP: "10.1.0.40", tag: nil)]).first)
    #expect(try await cloud.call("DELETE", "/ports/\(port.id)").status == 204)
    try await ProjectionConverger(networks: cloud.networks).step()
    #expect(try await ask(cloud, network, "10.1.0.40").status == 409)
    let buried = try await generation(cloud, port.id)
    try await cloud.store.write { [node = cloud.node] tx in
      _ = try ManifestTable.forget(tx, node: node, ObjectKey(.port, port.id), generation: buried)
    }
    try await ProjectionConverger(networks: cloud.networks).step()
    #expect(try await ask(cloud, network, "10.1.0.40").status == 201)
  }
}
