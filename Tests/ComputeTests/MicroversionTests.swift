import API
import Kit
import Testing

/// Each boundary between microversions that touches a route here: the last version before it, and the first after.
struct MicroversionTests {
  /// A member of an answer that comes or goes at `minor`.
  struct Boundary: Sendable, CustomStringConvertible {
    var minor: Int
    var path: String
    var token = "alice"
    /// The members that lead to it; a number is an array's index.
    var member: [String]
    var comes = true
    var description: String { "2.\(minor) \(path) \(member)" }
  }

  private static let server = "/v2.1/servers/{id}"
  private static let one = ["server"]
  private static let listed = ["servers", "0"]

  static let boundaries = serverBoundaries + otherBoundaries

  private static let serverMembers: [(Int, String, String)] = [
    (3, "OS-EXT-SRV-ATTR:reservation_id", "admin"), (9, "locked", "alice"), (16, "host_status", "admin"),
    (19, "description", "alice"), (26, "tags", "alice"), (63, "trusted_image_certificates", "alice"),
    (73, "locked_reason", "alice"), (90, "OS-EXT-SRV-ATTR:hostname", "alice"),
    (96, "pinned_availability_zone", "alice"), (100, "scheduler_hints", "alice"),
  ]

  private static let serverBoundaries: [Boundary] = serverMembers.flatMap { minor, member, token -> [Boundary] in
    let list = "/v2.1/servers/detail" + (token == "admin" ? "?all_tenants=1" : "")
    return [
      Boundary(minor: minor, path: server, token: token, member: one + [member]),
      Boundary(minor: minor, path: list, token: token, member: listed + [member]),
    ]
  }

  private static let otherBoundaries: [Boundary] = [
    Boundary(minor: 71, path: server, member: one + ["server_groups"]),
    Boundary(minor: 47, path: server, member: one + ["flavor", "original_name"]),
    Boundary(minor: 47, path: server, member: one + ["flavor", "id"], comes: false),
    Boundary(minor: 98, path: server, member: one + ["image", "properties"]),
    Boundary(minor: 55, path: "/v2.1/flavors", member: ["flavors", "0", "description"]),
    Boundary(minor: 55, path: "/v2.1/flavors/42", member: ["flavor", "description"]),
    Boundary(minor: 61, path: "/v2.1/flavors/42", member: ["flavor", "extra_specs"]),
    Boundary(minor: 2, path: "/v2.1/os-keypairs", member: ["keypairs", "0", "keypair", "type"]),
    Boundary(minor: 2, path: "/v2.1/os-keypairs/k", member: ["keypair", "type"]),
    Boundary(minor: 35, path: "/v2.1/os-keypairs?limit=1", member: ["keypairs_links"]),
    Boundary(minor: 36, path: "/v2.1/limits", member: ["limits", "absolute", "maxSecurityGroups"], comes: false),
    Boundary(minor: 36, path: "/v2.1/limits", member: ["limits", "absolute", "totalFloatingIpsUsed"], comes: false),
    Boundary(minor: 39, path: "/v2.1/limits", member: ["limits", "absolute", "maxImageMeta"], comes: false),
    Boundary(minor: 57, path: "/v2.1/limits", member: ["limits", "absolute", "maxPersonality"], comes: false),
    Boundary(minor: 36, path: "/v2.1/os-quota-sets/alice", member: ["quota_set", "fixed_ips"], comes: false),
    Boundary(minor: 57, path: "/v2.1/os-quota-sets/alice", member: ["quota_set", "injected_files"], comes: false),
    Boundary(minor: 11, path: "/v2.1/os-services", token: "admin", member: ["services", "0", "forced_down"]),
    Boundary(
      minor: 33, path: "/v2.1/os-hypervisors?limit=1", token: "admin", member: ["hypervisors_links"]),
    Boundary(
      minor: 75, path: "/v2.1/os-hypervisors?with_servers=1&limit=1&marker={node}", token: "admin",
      member: ["hypervisors", "0", "servers"]),
    Boundary(
      minor: 88, path: "/v2.1/os-hypervisors/detail", token: "admin", member: ["hypervisors", "0", "uptime"]),
    Boundary(
      minor: 88, path: "/v2.1/os-hypervisors/detail", token: "admin", member: ["hypervisors", "0", "vcpus"],
      comes: false),
    Boundary(minor: 51, path: server + "/os-instance-actions/{request}", member: ["instanceAction", "events"]),
    Boundary(minor: 58, path: server + "/os-instance-actions", member: ["instanceActions", "0", "updated_at"]),
    Boundary(minor: 58, path: server + "/os-instance-actions?limit=1", member: ["links"]),
    Boundary(
      minor: 62, path: server + "/os-instance-actions/{request}",
      member: ["instanceAction", "events", "0", "hostId"]),
    Boundary(
      minor: 62, path: server + "/os-instance-actions/{request}", token: "admin",
      member: ["instanceAction", "events", "0", "host"]),
    Boundary(
      minor: 84, path: server + "/os-instance-actions/{request}",
      member: ["instanceAction", "events", "0", "details"]),
    Boundary(minor: 70, path: server + "/os-interface", member: ["interfaceAttachments", "0", "tag"]),
  ]

  @Test func membersComeAndGo() async throws {
    let cloud = try await Fixture(hosts: 2)
    let id = try await cloud.running()
    for name in ["k", "l"] {
      _ = await cloud.send("POST", "/v2.1/os-keypairs", #"{"keypair": {"name": "\#(name)"}}"#)
    }
    let action = await cloud.get("/v2.1/servers/\(id)/os-instance-actions")["instanceActions"]?.array?.first
    let request = try #require(action?["request_id"]?.string)
    for boundary in Self.boundaries {
      let path = boundary.path.replacing("{id}", with: id).replacing("{request}", with: request)
        .replacing("{node}", with: Fixture.nodeID)
      for minor in [boundary.minor - 1, boundary.minor] {
        let answer = await cloud.send("GET", path, as: boundary.token, version: "2.\(minor)")
        #expect(answer.status == 200, "\(boundary) at \(minor): \(answer.text)")
        let there = Self.find(boundary.member[...], in: answer.json)
        #expect(there == ((minor == boundary.minor) == boundary.comes), "\(boundary) at 2.\(minor): \(answer.text)")
      }
    }
  }

  private static func find(_ path: ArraySlice<String>, in value: JSONValue) -> Bool {
    guard let name = path.first else { return true }
    if let index = Int(name) {
      guard let elements = value.array, elements.indices.contains(index) else { return false }
      return find(path.dropFirst(), in: elements[index])
    }
    guard let members = value.object, let member = members[name] else { return false }
    return find(path.dropFirst(), in: member)
  }

  /// A request whose status changes at `minor`.
  struct Change: Sendable {
    var minor: Int
    var method: String
    var path: String
    var body = ""
    var token = "alice"
    var before: Int
    var after: Int
  }

  static let changes: [Change] = [
    Change(
      minor: 2, method: "POST", path: "/v2.1/os-keypairs", body: #"{"keypair": {"name": "{new}"}}"#, before: 200,
      after: 201),
    Change(
      minor: 2, method: "POST", path: "/v2.1/os-keypairs", body: #"{"keypair": {"name": "{new}", "type": "ssh"}}"#,
      before: 400, after: 201),
    Change(minor: 2, method: "DELETE", path: "/v2.1/os-keypairs/{key}", before: 202, after: 204),
    Change(
      minor: 10, method: "POST", path: "/v2.1/os-keypairs",
      body: #"{"keypair": {"name": "{new}", "user_id": "user-bob"}}"#, before: 400, after: 403),
    Change(minor: 10, method: "GET", path: "/v2.1/os-keypairs?user_id=user-bob", before: 200, after: 403),
    Change(minor: 35, method: "GET", path: "/v2.1/os-keypairs?marker=nope", before: 200, after: 400),
    Change(
      minor: 92, method: "POST", path: "/v2.1/os-keypairs", body: #"{"keypair": {"name": "{new}"}}"#, before: 201,
      after: 400),
    Change(
      minor: 7, method: "POST", path: "/v2.1/flavors/1/action", body: #"{"addTenantAccess": {"tenant": "{new}"}}"#,
      token: "admin", before: 200, after: 409),
    Change(
      minor: 11, method: "PUT", path: "/v2.1/os-services/force-down",
      body: #"{"host": "host0", "binary": "nova-compute", "forced_down": false}"#, token: "admin", before: 404,
      after: 200),
    Change(
      minor: 53, method: "PUT", path: "/v2.1/os-services/enable", body: #"{"host": "host0", "binary": "nova-compute"}"#,
      token: "admin", before: 200, after: 404),
    Change(
      minor: 53, method: "PUT", path: "/v2.1/os-services/{node}", body: #"{"status": "enabled"}"#, token: "admin",
      before: 404, after: 200),
    Change(minor: 53, method: "GET", path: "/v2.1/os-hypervisors/1", token: "admin", before: 200, after: 400),
    Change(minor: 53, method: "GET", path: "/v2.1/os-hypervisors/{node}", token: "admin", before: 404, after: 200),
    Change(minor: 88, method: "GET", path: "/v2.1/os-hypervisors/statistics", token: "admin", before: 200, after: 404),
    Change(minor: 19, method: "PUT", path: server, body: #"{"server": {"description": "d"}}"#, before: 400, after: 200),
    Change(minor: 90, method: "PUT", path: server, body: #"{"server": {"hostname": "h"}}"#, before: 400, after: 200),
    Change(minor: 94, method: "PUT", path: server, body: #"{"server": {"hostname": "h.ex"}}"#, before: 400, after: 200),
    Change(minor: 26, method: "GET", path: server + "/tags", before: 404, after: 200),
    Change(minor: 26, method: "PUT", path: server + "/tags", body: #"{"tags": ["a"]}"#, before: 404, after: 200),
    Change(minor: 38, method: "GET", path: "/v2.1/servers?status=no", before: 200, after: 400),
    Change(
      minor: 55, method: "PUT", path: "/v2.1/flavors/1", body: #"{"flavor": {"description": "d"}}"#, token: "admin",
      before: 405, after: 200),
    Change(minor: 58, method: "GET", path: server + "/os-instance-actions?marker=no", before: 200, after: 400),
    Change(
      minor: 66, method: "GET", path: server + "/os-instance-actions?changes-before=2030-01-01", before: 400, after: 200
    ),
    Change(minor: 66, method: "GET", path: "/v2.1/servers?changes-before=never", before: 200, after: 400),
    Change(
      minor: 73, method: "POST", path: server + "/action", body: #"{"lock": "why"}"#, token: "admin", before: 202,
      after: 400),
    Change(minor: 73, method: "GET", path: "/v2.1/servers?locked=maybe", before: 200, after: 400),
    Change(minor: 75, method: "GET", path: "/v2.1/servers/detail?what=1", before: 200, after: 400),
    Change(minor: 75, method: "GET", path: "/v2.1/flavors?what=1", before: 200, after: 400),
    Change(minor: 75, method: "GET", path: "/v2.1/os-keypairs?what=1", before: 200, after: 400),
    Change(minor: 75, method: "GET", path: "/v2.1/limits?what=1", before: 200, after: 400),
    Change(
      minor: 49, method: "POST", path: server + "/os-interface",
      body: #"{"interfaceAttachment": {"net_id": "{net}", "tag": "t"}}"#, before: 400, after: 200),
    Change(
      minor: 37, method: "POST", path: "/v2.1/servers", body: Fixture.body(#""networks": "none", "#), before: 400,
      after: 202),
    Change(minor: 37, method: "POST", path: "/v2.1/servers", body: Fixture.body(), before: 202, after: 400),
    Change(
      minor: 32, method: "POST", path: "/v2.1/servers",
      body: Fixture.body(#""networks": [{"uuid": "\#(FakeNetworks.networkID)", "tag": "x"}], "#), before: 400,
      after: 202),
    Change(
      minor: 37, method: "POST", path: "/v2.1/servers",
      body: Fixture.body(#""networks": [{"uuid": "\#(FakeNetworks.networkID)", "tag": "x"}], "#), before: 202,
      after: 400),
    Change(
      minor: 42, method: "POST", path: "/v2.1/servers",
      body: Fixture.body(#""networks": [{"uuid": "\#(FakeNetworks.networkID)", "tag": "x"}], "#), before: 400,
      after: 202),
    Change(
      minor: 19, method: "POST", path: "/v2.1/servers", body: Fixture.body(#""description": "d", "#), before: 400,
      after: 202),
    Change(
      minor: 52, method: "POST", path: "/v2.1/servers", body: Fixture.body(#""networks": "none", "tags": ["t"], "#),
      before: 400, after: 202),
    Change(
      minor: 57, method: "POST", path: "/v2.1/servers",
      body: Fixture.body(#""networks": "none", "personality": [], "#), before: 202, after: 400),
    Change(
      minor: 63, method: "POST", path: "/v2.1/servers",
      body: Fixture.body(#""networks": "none", "trusted_image_certificates": null, "#), before: 400, after: 202),
    Change(
      minor: 67, method: "POST", path: "/v2.1/servers",
      body: Fixture.body(
        #""networks": "none", "block_device_mapping_v2": [{"source_type": "image", "destination_type": "local", "boot_index": 0, "uuid": "\#(Fixture.imageID)", "volume_type": "x"}], "#
      ), before: 400, after: 202),
    Change(
      minor: 74, method: "POST", path: "/v2.1/servers", body: Fixture.body(#""networks": "none", "host": "host0", "#),
      token: "admin", before: 400, after: 202),
    Change(
      minor: 90, method: "POST", path: "/v2.1/servers", body: Fixture.body(#""networks": "none", "hostname": "h", "#),
      before: 400, after: 202),
    Change(
      minor: 94, method: "POST", path: "/v2.1/servers",
      body: Fixture.body(#""networks": "none", "hostname": "h.ex", "#), before: 400, after: 202),
  ]

  @Test func statusesChange() async throws {
    let cloud = try await Fixture()
    let quota = #"{"quota_set": {"instances": -1, "cores": -1, "key_pairs": -1}}"#
    for project in ["alice", "admin"] {
      _ = await cloud.send("PUT", "/v2.1/os-quota-sets/\(project)", quota, as: "admin")
    }
    let id = try await cloud.running()
    for (index, change) in Self.changes.enumerated() {
      for minor in [change.minor - 1, change.minor] {
        let fresh = "new\(index)-\(minor)"
        if change.path.contains("{key}") {
          _ = await cloud.send("POST", "/v2.1/os-keypairs", #"{"keypair": {"name": "\#(fresh)"}}"#)
        }
        func filled(_ text: String) -> String {
          text.replacing("{id}", with: id).replacing("{new}", with: fresh).replacing("{key}", with: fresh)
            .replacing("{node}", with: Fixture.nodeID).replacing("{net}", with: FakeNetworks.networkID)
        }
        let answer = await cloud.send(
          change.method, filled(change.path), filled(change.body), as: change.token, version: "2.\(minor)")
        let wanted = minor < change.minor ? change.before : change.after
        #expect(
          answer.status == wanted,
          "2.\(minor) \(change.method) \(change.path) \(change.body): \(answer.status) \(answer.text)")
        _ = await cloud.act(id, #"{"unlock": null}"#, as: "admin")
      }
    }
  }

  @Test func valuesChange() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    // 2.75: an empty swap is a number, an update shows the whole server.
    #expect(await cloud.get("/v2.1/flavors/42", version: "2.74")["flavor"]?["swap"] == .string(""))
    #expect(await cloud.get("/v2.1/flavors/42", version: "2.75")["flavor"]?["swap"] == .int(0))
    for (version, whole) in [("2.74", false), ("2.75", true)] {
      let answer = await cloud.send("PUT", "/v2.1/servers/\(id)", #"{"server": {"name": "n"}}"#, version: version)
      #expect((answer.json["server"]?["OS-EXT-STS:vm_state"] != nil) == whole)
      #expect(answer.json["server"]?["name"]?.string == "n")
    }
    // 2.28: the processor is an object, no text.
    for (version, isText) in [("2.27", true), ("2.28", false)] {
      let answer = await cloud.get("/v2.1/os-hypervisors/detail", as: "admin", version: version)
      #expect((answer["hypervisors"]?.array?.first?["cpu_info"]?.string != nil) == isText)
    }
    // 2.53: ids are UUIDs.
    #expect(
      await cloud.get("/v2.1/os-services", as: "admin", version: "2.52")["services"]?.array?.first?["id"] == .int(1))
    let service = await cloud.get("/v2.1/os-services", as: "admin", version: "2.53")["services"]?.array?.first
    #expect(service?["id"]?.string == Fixture.nodeID)
  }

  @Test func everyVersionIsTaken() async throws {
    let cloud = try await Fixture()
    _ = try await cloud.running()
    for minor in 1...100 {
      let answer = await cloud.send("GET", "/v2.1/servers/detail", version: "2.\(minor)")
      #expect(answer.status == 200)
      #expect(answer.header("OpenStack-API-Version") == "compute 2.\(minor)")
      #expect(answer.header("X-OpenStack-Nova-API-Version") == "2.\(minor)")
    }
    #expect(await cloud.send("GET", "/v2.1/servers", version: "latest").status == 200)
    for version in ["2.101", "3.0", "1.1"] {
      #expect(await cloud.send("GET", "/v2.1/servers", version: version).status == 406)
    }
    #expect(await cloud.send("GET", "/v2.1/servers", version: "two").status == 400)
  }

  @Test func discovery() async throws {
    let cloud = try await Fixture()
    for path in ["", "/"] {
      let versions = await cloud.get(path, as: nil)["versions"]?.array
      #expect(versions?.first?["version"]?.string == "2.100")
    }
    for path in ["/v2.1", "/v2.1/"] {
      let version = await cloud.get(path, as: nil)["version"]
      #expect(version?["min_version"]?.string == "2.1")
      #expect(version?["id"]?.string == "v2.1")
    }
  }
}
