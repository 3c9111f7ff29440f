import API
import Foundation
import Kit
import Store
import StoreFixture
import Testing

@testable import Cloud
@testable import NodeLink

/// The stories of real services' resources, from a project's first network to a running server and after its end.
struct StoriesTests {
  private static let node = "0e000000-0000-4000-8000-000000000001"
  private static let kinds = ["server", "port", "network", "router", "floating_ip", "image"]

  /// A cloud whose one host holds a server with a floating IP; ids by kind.
  final class Town: Sendable {
    let cloud: WholeCloudFixture
    let ids: [String: String]

    init(_ engine: StoreEngineKind = StoreFixture.engine) async throws {
      let cloud = try await WholeCloudFixture(engine)
      try await StoriesTests.report(cloud)
      var known: [String: String] = [:]
      func make(_ path: String, _ body: String, _ kind: String, as token: String? = nil) async throws -> JSONValue {
        let reply = await cloud.send("POST", path, token: token ?? cloud.member, body: body)
        try #require(reply.status < 300, "\(path): \(reply.text)")
        let json = try JSONValue(parsing: reply.text)
        let made = json["id"] == nil ? try #require(json.object?.values.first) : json
        known[kind] = try #require(made["id"]?.string)
        return made
      }
      func at(_ kind: String) -> String { known[kind] ?? "" }
      let externals = await cloud.send("GET", "/network/v2.0/networks?router:external=true", token: cloud.member)
      let external = try #require(
        try JSONValue(parsing: externals.text)["networks"]?.array?.first?["id"]?.string)
      _ = try await make("/network/v2.0/networks", #"{"network": {"name": "town-net"}}"#, "network")
      _ = try await make(
        "/network/v2.0/subnets",
        #"{"subnet": {"network_id": "\#(at("network"))", "ip_version": 4, "cidr": "10.7.0.0/24"}}"#, "subnet")
      _ = try await make(
        "/network/v2.0/routers",
        #"{"router": {"name": "town-router", "external_gateway_info": {"network_id": "\#(external)"}}}"#, "router")
      let added = await cloud.send(
        "PUT", "/network/v2.0/routers/\(at("router"))/add_router_interface", token: cloud.member,
        body: #"{"subnet_id": "\#(at("subnet"))"}"#)
      try #require(added.status == 200)
      _ = try await make(
        "/image/v2/images",
        #"{"name": "town-image", "disk_format": "raw", "container_format": "bare", "visibility": "public"}"#, "image",
        as: cloud.admin)
      let uploaded = await cloud.send(
        "PUT", "/image/v2/images/\(at("image"))/file", token: cloud.admin, type: "application/octet-stream",
        body: String(repeating: "x", count: 4096))
      try #require(uploaded.status == 204, "\(uploaded.text)")
      let flavors = await cloud.send("GET", "/compute/v2.1/flavors", token: cloud.member)
      let flavor = try #require(try JSONValue(parsing: flavors.text)["flavors"]?.array?.first?["id"]?.string)
      let server = #"{"server": {"name": "town-hall", "imageRef": "\#(at("image"))", "flavorRef": "\#(flavor)", "#
      _ = try await make(
        "/compute/v2.1/servers", server + #""networks": [{"uuid": "\#(at("network"))"}]}}"#, "server")
      let ports = await cloud.send(
        "GET", "/network/v2.0/ports?device_id=\(at("server"))", token: cloud.member)
      known["port"] = try #require(try JSONValue(parsing: ports.text)["ports"]?.array?.first?["id"]?.string)
      _ = try await make(
        "/network/v2.0/floatingips",
        #"{"floatingip": {"floating_network_id": "\#(external)", "port_id": "\#(at("port"))"}}"#, "floating_ip")
      ids = known
      self.cloud = cloud
    }

    func id(_ kind: String) -> String { ids[kind] ?? "" }

    func explain(_ subject: String, as token: String? = nil) async throws -> JSONValue {
      let reply = await cloud.send("GET", "/haneul/v1/explain/\(subject)", token: token ?? cloud.admin)
      try #require(reply.status == 200, "\(subject): \(reply.text)")
      return try #require(try JSONValue(parsing: reply.text)["explain"])
    }

    func whatis(_ text: String, as token: String? = nil) async throws -> [JSONValue] {
      let reply = await cloud.send("GET", "/haneul/v1/whatis/\(text)", token: token ?? cloud.admin)
      return try JSONValue(parsing: reply.text)["whatis"]?.array ?? []
    }
  }

  static func report(_ cloud: WholeCloudFixture, _ observations: [Observation] = []) async throws {
    let facts = NodeFacts(
      hostname: "town-host", vcpus: 64, memoryMiB: 65536, diskGiB: 1000, diskFreeGiB: 1000,
      hypervisorVersion: 7_002_000, libvirtVersion: 9_000_000, accelerator: "kvm", cpuModel: "x")
    try await cloud.services.link.take(
      Report(nodeID: node, facts: facts, observations: observations, events: []))
  }

  /// The host says of all it was asked to hold that it is as asked.
  static func settle(_ cloud: WholeCloudFixture) async throws {
    let held = try await cloud.services.store.read { tx in
      try tx.query("SELECT kind, object_id, generation, spec FROM manifest WHERE tombstone = 0") {
        ($0.text(0), $0.text(1), Int64($0.int(2)), Data($0.text(3).utf8))
      }
    }
    let observations = try held.compactMap { kind, id, generation, text -> Observation? in
      guard let kind = ObjectKind(rawValue: kind) else { return nil }
      var seen: ServerObservation?
      if case .server(let spec) = try JSONDecoder().decode(ObjectSpec.self, from: text) {
        seen = ServerObservation(
          power: .running, bootEpoch: spec.bootEpoch, rootDiskID: spec.rootDisk.id, step: nil,
          portIDs: spec.nics.map(\.portID), operation: nil)
      }
      return Observation(key: ObjectKey(kind, id), generation: generation, ready: true, server: seen)
    }
    try await report(cloud, observations)
  }

  @Test func everyKindHasItsStoryAndEveryLinkLeadsOn() async throws {
    let town = try await Town()
    for round in ["asked", "settled"] {
      for kind in Self.kinds {
        for token in [town.cloud.admin, town.cloud.member] {
          let story = try await town.explain(town.id(kind), as: token)
          #expect(story["kind"] == .string(kind) && story["gone"] == .bool(false), "\(round) \(kind)")
          #expect(story["asked"]?["facts"]?.array?.isEmpty == false, "\(kind)")
          for related in story["related"]?.array ?? [] {
            let link = try #require(related["explain"]?.string)
            let status = await town.cloud.send("GET", link, token: token).status
            #expect(status == 200, "\(kind) → \(related)")
          }
        }
      }
      if round == "asked" {
        #expect(try await town.explain(town.id("server"))["missing"]?.array?.isEmpty == false)
        // What was asked makes more to hold; all of it is seen only in the second pass.
        for _ in 0..<2 { try await Self.settle(town.cloud) }
      }
    }
    for kind in Self.kinds {
      let story = try await town.explain(town.id(kind))
      #expect(story["missing"] == .array([]), "\(kind): \(story["missing"] ?? .null)")
      #expect(story["summary"] == .string("It is as asked."), "\(kind): \(story["summary"] ?? .null)")
    }
    let server = try await town.explain("town-hall")
    #expect(server["status"] == .string("ACTIVE"))
    #expect(
      Set(server["related"]?.array?.compactMap { $0["kind"]?.string } ?? [])
        == ["image", "port", "floating_ip", "host"])
    let host = try await town.explain("town-host")
    #expect(Set(host["related"]?.array?.compactMap { $0["kind"]?.string } ?? []) == ["server", "router"])
  }

  /// One town for all that only looks: making one takes a while.
  @Test func whatWasJustAskedForIsTold() async throws {
    let town = try await Town()
    try await whoAskedIsToldByTheRequest(town)
    try await aPortTellsItsRulesAndWhyItsPacketsCannotBeFollowed(town)
    try await everyNameIsKnown(town)
    await metricsCountRealServers(town)
  }

  private func whoAskedIsToldByTheRequest(_ town: Town) async throws {
    for kind in ["network", "router", "floating_ip", "server", "image"] {
      let story = try await town.explain(town.id(kind))
      let name = kind == "image" ? "admin" : "demo"
      #expect(story["asked"]?["by"]?["user_name"] == .string(name), "\(kind)")
      #expect(story["asked"]?["by"]?["project_name"] == .string(name), "\(kind)")
      let request = try #require(story["asked"]?["request_id"]?.string)
      #expect(try await town.whatis(request).first?["kind"] == .string("request"))
    }
    // The port was made along with its server; a floating IP was pointed at it since.
    let port = try await town.explain(town.id("port"))
    #expect(port["history"]?.array?.map { $0["what"] } == [.string("POST /network/v2.0/floatingips")])
  }

  private func aPortTellsItsRulesAndWhyItsPacketsCannotBeFollowed(_ town: Town) async throws {
    let port = try await town.explain(town.id("port"), as: town.cloud.member)
    let rules = port["rules"]?.array?.compactMap(\.string) ?? []
    #expect(rules.contains { $0.hasPrefix("out IPv4 anything") } && rules.contains { $0.contains("members of group") })
    #expect(port["packet_path"]?["problem"] == .string("The host is not connected."))
  }

  private func everyNameIsKnown(_ town: Town) async throws {
    func first(_ text: String) async throws -> String? {
      let found = try await town.whatis(text, as: town.cloud.member)
      return found.first.flatMap { found in
        found["kind"]?.string.map { "\($0) \(found["id"]?.string == town.id($0) ? "ours" : "other")" }
      }
    }
    let tag = town.cloud.settings.tag
    let port = try await town.explain(town.id("port"))
    let facts = port["asked"]?["facts"]?.array ?? []
    func fact(_ name: String) -> String { facts.first { $0["name"]?.string == name }?["value"]?.string ?? "" }
    #expect(try await first(fact("mac")) == "port ours")
    #expect(try await first(fact("mac").uppercased().replacing(":", with: "-")) == "port ours")
    #expect(try await first(fact("addresses")) == "port ours")
    let floating = try #require(try await town.explain(town.id("floating_ip"))["name"]?.string)
    #expect(try await first(floating) == "floating_ip ours")
    let router = try await town.explain(town.id("router"))["asked"]?["facts"]?.array ?? []
    let gateway = try #require(router.first?["value"]?.string?.split(separator: ",").first)
    #expect(try await first(String(gateway)) == "router ours")
    #expect(try await first(tag.interface(.tap, town.id("port"))) == "port ours")
    #expect(try await first(tag.interface(.bridge, town.id("network"))) == "network ours")
    #expect(try await first(tag.dhcpNamespace(town.id("network"))) == "network ours")
    #expect(try await first(tag.routerNamespace(town.id("router"))) == "router ours")
    #expect(try await first(tag.domain(town.id("server"))) == "server ours")
    for name in ["town-hall", "town-net", "town-router", "town-image"] {
      #expect(try await first(name)?.hasSuffix("ours") == true, "\(name)")
    }
    #expect(try await first(town.id("subnet")) == "subnet ours")
    #expect(try await first("10.7.0.77") == nil)
  }

  @Test func aServerThatIsGoneIsToldFromItsRecords() async throws {
    let town = try await Town()
    for _ in 0..<2 { try await Self.settle(town.cloud) }
    let id = town.id("server")
    #expect(await town.cloud.send("DELETE", "/compute/v2.1/servers/\(id)", token: town.cloud.member).status == 204)
    let leaving = try await town.explain(id)
    #expect(leaving["missing"]?.array?.contains { $0["what"] == .string("Deleting") } == true)
    let tombstone = try await town.cloud.services.store.read { tx in
      try ManifestTable.find(tx, node: Self.node, ObjectKey(.server, id))
    }
    let generation = try #require(tombstone?.generation)
    try await Self.report(
      town.cloud, [Observation(key: ObjectKey(.server, id), generation: generation, ready: false, removed: true)])
    for token in [town.cloud.admin, town.cloud.member] {
      let story = try await town.explain(id, as: token)
      #expect(story["gone"] == .bool(true) && story["status"] == .string("DELETED"))
      #expect(story["history"]?.array?.map { $0["what"] } == [.string("create"), .string("delete")])
    }
  }

  @Test func aServerWithoutAHostSaysWhy() async throws {
    let town = try await Town()
    let flavors = await town.cloud.send("GET", "/compute/v2.1/flavors", token: town.cloud.member)
    let flavor = try #require(try JSONValue(parsing: flavors.text)["flavors"]?.array?.first?["id"]?.string)
    try await town.cloud.services.store.write { try $0.execute("UPDATE flavor SET disk_gib = 5000") }
    let made = await town.cloud.send(
      "POST", "/compute/v2.1/servers", token: town.cloud.member,
      body: #"{"server": {"name": "giant", "imageRef": "\#(town.id("image"))", "flavorRef": "\#(flavor)"}}"#)
    try #require(made.status == 202, "\(made.text)")
    let story = try await town.explain("giant")
    #expect(story["status"] == .string("ERROR"))
    #expect(story["fault"]?["message"]?.string?.contains("No valid host was found") == true)
    #expect(story["next"]?.array?.isEmpty == false)
  }

  private func metricsCountRealServers(_ town: Town) async {
    let text = await town.cloud.send("GET", "/haneul/v1/metrics", token: town.cloud.admin).text
    #expect(text.contains(#"haneul_resources{kind="server",status="BUILD"} 1"#))
    #expect(text.contains(#"haneul_resources{kind="image",status="active"} 1"#))
  }
}
