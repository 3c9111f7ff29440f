import Kit
import NodeLink
import Testing

/// Names, metadata, tags, locks, groups, cards: what is changed on a server that exists.
struct AttributeTests {
  @Test func update() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    let path = "/v2.1/servers/\(id)"
    let body =
      #"{"server": {"name": "new", "description": "d", "accessIPv4": "192.0.2.7", "accessIPv6": "FD00::1", "OS-DCF:diskConfig": "AUTO", "hostname": "web"}}"#
    let answer = await cloud.send("PUT", path, body, version: "2.90")
    #expect(answer.status == 200, "\(answer.text)")
    let server = await cloud.server(id, version: "2.90")
    #expect(server["name"]?.string == "new")
    #expect(server["description"]?.string == "d")
    #expect(server["accessIPv4"]?.string == "192.0.2.7")
    #expect(server["accessIPv6"]?.string == "fd00::1")
    #expect(server["OS-EXT-SRV-ATTR:hostname"]?.string == "web")
    #expect(try await cloud.spec(id)?.metadata.ec2["hostname"] == "web")
    _ = await cloud.send("PUT", path, #"{"server": {"description": null}}"#, version: "2.19")
    #expect(await cloud.server(id, version: "2.19")["description"] == .null)
    for bad in [
      #"{"name": ""}"#, #"{"name": null}"#, #"{"accessIPv4": "x"}"#, #"{"status": "ACTIVE"}"#, #"{"tenant_id": "bob"}"#,
      #"{"OS-DCF:diskConfig": 1}"#,
    ] {
      #expect(await cloud.send("PUT", path, #"{"server": \#(bad)}"#, version: "2.90").status == 400, "\(bad)")
    }
    #expect(await cloud.send("PUT", path, body, as: "reader-alice", version: "2.90").status == 403)
    try await cloud.ledgersAgree()
  }

  @Test func metadata() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running(#""metadata": {"a": "1"}, "#)
    let path = "/v2.1/servers/\(id)/metadata"
    #expect(
      await cloud.send("POST", path, #"{"metadata": {"b": "2"}}"#).json["metadata"]
        == .object(["a": .string("1"), "b": .string("2")]))
    #expect(await cloud.send("PUT", path, #"{"metadata": {"c": "3"}}"#).status == 200)
    #expect(await cloud.get(path)["metadata"] == .object(["c": .string("3")]))
    #expect(await cloud.send("PUT", path + "/d", #"{"meta": {"d": "4"}}"#).status == 200)
    #expect(await cloud.send("PUT", path + "/d", #"{"meta": {"e": "4"}}"#).status == 400)
    #expect(await cloud.get(path + "/d")["meta"]?["d"]?.string == "4")
    #expect(try await cloud.spec(id)?.metadata.metaData.contains(#""meta":{"c":"3","d":"4"}"#) == true)
    #expect(await cloud.send("DELETE", path + "/d").status == 204)
    #expect(await cloud.send("DELETE", path + "/d").status == 404)
    #expect(await cloud.send("GET", path + "/d").status == 404)
    for body in ["{}", #"{"metadata": 1}"#, #"{"metadata": {"x": null}}"#, #"{"metadata": {}, "more": 1}"#] {
      #expect(await cloud.send("POST", path, body).status == 400, "\(body)")
    }
    let many = (0..<129).map { #""k\#($0)": "v""# }.joined(separator: ", ")
    #expect(await cloud.send("POST", path, #"{"metadata": {\#(many)}}"#).status == 403)
    #expect(await cloud.send("POST", path, "{}", as: "reader-alice").status == 403)
    try await cloud.ledgersAgree()
  }

  @Test func tags() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.create()
    let path = "/v2.1/servers/\(id)/tags"
    func send(_ method: String, _ path: String, _ body: String = "") async -> Int {
      await cloud.send(method, path, body, version: "2.26").status
    }
    #expect(await send("PUT", path + "/one") == 201)
    #expect(await send("PUT", path + "/one") == 204)
    #expect(await send("GET", path + "/one") == 204)
    #expect(await send("GET", path + "/two") == 404)
    #expect(await send("PUT", path, #"{"tags": ["b", "a", "b"]}"#) == 200)
    #expect(await cloud.get(path, version: "2.26")["tags"] == .array([.string("a"), .string("b")]))
    #expect(await send("DELETE", path + "/a") == 204)
    #expect(await send("DELETE", path + "/a") == 404)
    #expect(await send("PUT", path, #"{"tags": ["a/b"]}"#) == 400)
    #expect(await send("PUT", path, #"{"tags": "a"}"#) == 400)
    #expect(await send("PUT", path, #"{"tags": [\#((0..<51).map { "\"t\($0)\"" }.joined(separator: ","))]}"#) == 400)
    #expect(await send("DELETE", path) == 204)
    #expect(await cloud.get(path, version: "2.26")["tags"] == .array([]))
    try await cloud.ledgersAgree()
  }

  @Test func locks() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    #expect(await cloud.act(id, #"{"lock": {"locked_reason": "hands off"}}"#, version: "2.73").status == 202)
    let server = await cloud.server(id, version: "2.73")
    #expect(server["locked"] == .bool(true))
    #expect(server["locked_reason"]?.string == "hands off")
    #expect(await cloud.act(id, #"{"os-stop": null}"#).status == 409)
    #expect(await cloud.send("DELETE", "/v2.1/servers/\(id)").status == 409)
    #expect(await cloud.get("/v2.1/servers?locked=true", version: "2.73")["servers"]?.array?.count == 1)
    #expect(await cloud.act(id, #"{"unlock": null}"#).status == 202)
    #expect(await cloud.act(id, #"{"lock": null}"#, as: "admin").status == 202)
    #expect(await cloud.act(id, #"{"unlock": null}"#).status == 403)
    #expect(await cloud.act(id, #"{"os-stop": null}"#, as: "admin").status == 202)
    try await cloud.ledgersAgree()
  }

  @Test func unknownActions() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    for body in [
      #"{"resize": {"flavorRef": "1"}}"#, #"{"rebuild": {}}"#, #"{"createImage": {"name": "x"}}"#,
      #"{"suspend": null}"#,
      #"{"fly": null}"#, "{}", #"{"os-stop": null, "os-start": null}"#, "[]", "", #"{"reboot": {}}"#,
      #"{"reboot": {"type": "HARD", "more": 1}}"#, #"{"reboot": null}"#, #"{"addSecurityGroup": {}}"#,
      #"{"addSecurityGroup": {"name": 1}}"#,
    ] {
      #expect(await cloud.act(id, body).status == 400, "\(body)")
    }
    #expect(await cloud.act(id, #"{"os-stop": null}"#, as: "reader-alice").status == 403)
    #expect(await cloud.status(id) == "ACTIVE")
    try await cloud.ledgersAgree()
  }

  @Test func securityGroups() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    #expect(await cloud.act(id, #"{"addSecurityGroup": {"name": "web"}}"#).status == 202)
    #expect(await cloud.server(id)["security_groups"]?.array?.compactMap { $0["name"]?.string } == ["default", "web"])
    let groups = await cloud.get("/v2.1/servers/\(id)/os-security-groups")["security_groups"]?.array
    #expect(groups?.map { $0["id"]?.string } == ["id-default", "id-web"])
    #expect(try await cloud.spec(id)?.metadata.ec2["security-groups"] == "default\nweb")
    #expect(await cloud.act(id, #"{"removeSecurityGroup": {"name": "web"}}"#).status == 202)
    #expect(await cloud.act(id, #"{"addSecurityGroup": {"name": "nowhere"}}"#).status == 404)
    try await cloud.ledgersAgree()
  }

  @Test func cardsComeAndGo() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    let path = "/v2.1/servers/\(id)/os-interface"
    let added = await cloud.send(
      "POST", path, #"{"interfaceAttachment": {"net_id": "\#(FakeNetworks.networkID)"}}"#)
    #expect(added.status == 200, "\(added.text)")
    let port = try #require(added.json["interfaceAttachment"]?["port_id"]?.string)
    var nics = try #require(try await cloud.spec(id)?.nics)
    #expect(nics.map(\.slot) == [3, 4])
    let first = nics[0].portID
    #expect(await cloud.get(path)["interfaceAttachments"]?.array?.count == 2)
    #expect(await cloud.get(path + "/" + port)["interfaceAttachment"]?["port_state"]?.string == "ACTIVE")
    try await cloud.observe(id, .running)
    // The first one goes: its port stays until the guest has let go of the card; the other keeps its slot.
    #expect(await cloud.send("DELETE", path + "/" + first).status == 202)
    nics = try #require(try await cloud.spec(id)?.nics)
    #expect(nics.map(\.slot) == [4])
    #expect(await cloud.get(path)["interfaceAttachments"]?.array?.count == 1)
    #expect(await cloud.get("/v2.1/servers/\(id)/ips")["addresses"]?["net"]?.array?.count == 1)
    #expect(try await cloud.count("fake_port") == 2)
    #expect(await cloud.send("DELETE", path + "/" + first).status == 404)
    try await cloud.observe(id, .running, portIDs: [first, port])
    #expect(try await cloud.count("fake_port") == 2)
    try await cloud.observe(id, .running, portIDs: [port])
    #expect(try await cloud.count("fake_port") == 1)
    // Of a server that is off it goes at once.
    _ = await cloud.act(id, #"{"os-stop": null}"#)
    #expect(await cloud.send("POST", path, #"{"interfaceAttachment": {}}"#).status == 409)
    try await cloud.observe(id, .stopped)
    #expect(await cloud.send("DELETE", path + "/" + port).status == 202)
    #expect(try await cloud.count("fake_port") == 0)
    let actions = await cloud.get("/v2.1/servers/\(id)/os-instance-actions")["instanceActions"]?.array
    #expect(actions?.compactMap { $0["action"]?.string }.contains("detach_interface") == true)
    try await cloud.ledgersAgree()
  }

  @Test func badCardsAreRefused() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    let path = "/v2.1/servers/\(id)/os-interface"
    let net = FakeNetworks.networkID
    for body in [
      "{}", #"{"net_id": "x"}"#, #"{"port_id": "\#(net)", "net_id": "\#(net)"}"#,
      #"{"fixed_ips": [{"ip_address": "10.0.0.9"}]}"#, #"{"net_id": "\#(net)", "fixed_ips": [{"ip_address": "x"}]}"#,
      #"{"net_id": "\#(net)", "tag": "t"}"#, #"{"port_id": "\#(net)"}"#,
    ] {
      let whole = body == "{}" ? body : #"{"interfaceAttachment": \#(body)}"#
      #expect(await cloud.send("POST", path, whole).status == 400, "\(body)")
    }
    #expect(try await cloud.count("fake_port") == 1)
    for _ in 0..<12 {
      #expect(await cloud.send("POST", path, #"{"interfaceAttachment": {"net_id": "\#(net)"}}"#).status == 200)
    }
    // No slot is left; the port made for it is taken back.
    #expect(await cloud.send("POST", path, #"{"interfaceAttachment": {"net_id": "\#(net)"}}"#).status == 403)
    #expect(try await cloud.count("fake_port") == 13)
    try await cloud.ledgersAgree()
  }
}
