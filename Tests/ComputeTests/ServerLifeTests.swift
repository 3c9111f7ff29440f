import Kit
import NodeLink
import Testing

/// A server's life: what the API says follows what the node sees, and nothing else.
struct ServerLifeTests {
  @Test func becomesActiveWhenSeenRunning() async throws {
    let cloud = try await Fixture()
    let answer = await cloud.send("POST", "/v2.1/servers", Fixture.body())
    #expect(answer.status == 202, "\(answer.text)")
    let id = try #require(answer.json["server"]?["id"]?.string)
    #expect(answer.header("Location") == "http://cloud/compute/v2.1/servers/\(id)")
    #expect(answer.json["server"]?["adminPass"]?.string?.count == 12)
    #expect(answer.json["server"]?["security_groups"] == .array([.object(["name": .string("default")])]))

    var server = await cloud.server(id)
    #expect(server["status"]?.string == "BUILD")
    #expect(server["OS-EXT-STS:task_state"]?.string == "scheduling")
    #expect(server["adminPass"] == nil)
    try await cloud.observe(id, .absent, step: "fetching_image")
    #expect(await cloud.server(id)["OS-EXT-STS:task_state"]?.string == "spawning")
    try await cloud.observe(id, .absent, step: "plugging")
    #expect(await cloud.server(id)["OS-EXT-STS:task_state"]?.string == "networking")
    try await cloud.observe(id, .running)
    server = await cloud.server(id)
    #expect(server["status"]?.string == "ACTIVE")
    #expect(server["OS-EXT-STS:vm_state"]?.string == "active")
    #expect(server["OS-EXT-STS:power_state"]?.int == 1)
    #expect(server["OS-EXT-STS:task_state"] == .null)
    #expect(server["OS-SRV-USG:launched_at"]?.string != nil)
    #expect(server["addresses"]?["net"]?.array?.first?["OS-EXT-IPS:type"]?.string == "fixed")
    #expect(try await cloud.spec(id)?.rootDisk.made == true)
    #expect(try await cloud.count("fake_pin") == 1)
    #expect(try await cloud.count("fake_claim") == 1)
    try await cloud.ledgersAgree()
  }

  @Test func stopsAndStarts() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    #expect(await cloud.act(id, #"{"os-start": null}"#).status == 409)
    #expect(await cloud.act(id, #"{"os-stop": null}"#).status == 202)
    #expect(try await cloud.spec(id)?.power == .stopped)
    var server = await cloud.server(id)
    #expect(server["status"]?.string == "ACTIVE")
    #expect(server["OS-EXT-STS:task_state"]?.string == "powering-off")
    // One action at a time.
    let second = await cloud.act(id, #"{"reboot": {"type": "HARD"}}"#)
    #expect(second.status == 409)
    #expect(second.json["conflictingRequest"]?["code"]?.int == 409)
    try await cloud.observe(id, .running, step: "shutting_down")
    #expect(await cloud.status(id) == "ACTIVE")
    try await cloud.observe(id, .stopped)
    server = await cloud.server(id)
    #expect(server["status"]?.string == "SHUTOFF")
    #expect(server["OS-EXT-STS:power_state"]?.int == 4)
    #expect(await cloud.act(id, #"{"os-stop": null}"#).status == 409)
    #expect(await cloud.act(id, #"{"os-start": null}"#).status == 202)
    #expect(await cloud.status(id) == "SHUTOFF")
    try await cloud.observe(id, .running)
    #expect(await cloud.status(id) == "ACTIVE")
    try await cloud.ledgersAgree()
  }

  @Test func rebootsHardByRaisingTheEpoch() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    #expect(await cloud.act(id, #"{"reboot": {"type": "HARD"}}"#).status == 202)
    #expect(try await cloud.spec(id)?.bootEpoch == 2)
    #expect(await cloud.status(id) == "HARD_REBOOT")
    try await cloud.observe(id, .running, bootEpoch: 1)
    #expect(await cloud.status(id) == "HARD_REBOOT")
    try await cloud.observe(id, .stopped, bootEpoch: 1, step: "starting")
    #expect(await cloud.status(id) == "HARD_REBOOT")
    try await cloud.observe(id, .running, bootEpoch: 2)
    #expect(await cloud.status(id) == "ACTIVE")
    try await cloud.ledgersAgree()
  }

  @Test func rebootsSoftlyByAnOperation() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    #expect(await cloud.act(id, #"{"reboot": {"type": "soft"}}"#).status == 202)
    let operation = try #require(try await cloud.spec(id)?.operation)
    #expect(operation.action == .softReboot)
    #expect(await cloud.status(id) == "REBOOT")
    try await cloud.observe(id, .running, operation: .init(id: operation.id, outcome: .begun, message: nil))
    #expect(await cloud.status(id) == "REBOOT")
    try await cloud.observe(id, .running, operation: .init(id: "another", outcome: .done, message: nil))
    #expect(await cloud.status(id) == "REBOOT")
    try await cloud.observe(id, .running, operation: .init(id: operation.id, outcome: .done, message: nil))
    #expect(await cloud.status(id) == "ACTIVE")
    #expect(try await cloud.spec(id)?.operation == nil)
    #expect(await cloud.act(id, #"{"reboot": {"type": "warm"}}"#).status == 400)
    try await cloud.ledgersAgree()
  }

  @Test func aRebootOfUnknownEndIsReported() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    _ = await cloud.act(id, #"{"reboot": {"type": "SOFT"}}"#)
    let operation = try #require(try await cloud.spec(id)?.operation)
    try await cloud.observe(id, .running, operation: .init(id: operation.id, outcome: .unknown, message: "Lost."))
    #expect(await cloud.status(id) == "ACTIVE")
    let actions = await cloud.get("/v2.1/servers/\(id)/os-instance-actions", version: "2.84")["instanceActions"]
    let reboot = try #require(actions?.array?.first { $0["action"]?.string == "reboot" })
    #expect(reboot["message"]?.string == "Error")
    let request = try #require(reboot["request_id"]?.string)
    let shown = await cloud.get("/v2.1/servers/\(id)/os-instance-actions/\(request)", version: "2.84")
    let event = shown["instanceAction"]?["events"]?.array?.first
    #expect(event?["result"]?.string == "Error")
    #expect(event?["details"]?.string?.contains("not known whether") == true)
    #expect(event?["details"]?.string?.contains("Lost.") == true)
    try await cloud.ledgersAgree()
  }

  @Test func deleteLeavesNothing() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running(#""tags": ["a"], "networks": "auto", "#, version: "2.52")
    #expect(await cloud.send("DELETE", "/v2.1/servers/\(id)").status == 204)
    #expect(await cloud.server(id)["OS-EXT-STS:task_state"]?.string == "deleting")
    #expect(try await cloud.spec(id) == nil)
    // Ports and claim stay until the domain is gone.
    #expect(try await cloud.count("fake_port") == 1)
    #expect(try await cloud.count("fake_claim") == 1)
    #expect(await cloud.send("DELETE", "/v2.1/servers/\(id)").status == 204)
    #expect(await cloud.act(id, #"{"os-stop": null}"#).status == 409)
    // What was on its way up when it was deleted changes nothing.
    try await cloud.report([
      Observation(
        key: ObjectKey(.server, id), generation: 1, ready: true,
        server: .init(power: .running, bootEpoch: 1, rootDiskID: nil, step: nil, portIDs: [], operation: nil))
    ])
    try await cloud.observeRemoved(id)
    #expect(await cloud.send("GET", "/v2.1/servers/\(id)").status == 404)
    for table in ["server", "server_tag", "server_card", "fake_port", "fake_claim", "fake_pin", "manifest"] {
      #expect(try await cloud.count(table) == 0, "\(table)")
    }
    // Its actions are still told, from 2.21.
    #expect(await cloud.send("GET", "/v2.1/servers/\(id)/os-instance-actions", version: "2.20").status == 404)
    let actions = await cloud.get("/v2.1/servers/\(id)/os-instance-actions", version: "2.21")
    #expect(actions["instanceActions"]?.array?.map { $0["action"]?.string } == ["delete", "create"])
    #expect(
      await cloud.send("GET", "/v2.1/servers/\(id)/os-instance-actions", as: "bob", version: "2.21").status == 404)
    try await cloud.ledgersAgree()
  }

  @Test func deleteWinsOverARunningAction() async throws {
    let cloud = try await Fixture()
    let building = try await cloud.create()
    #expect(await cloud.send("DELETE", "/v2.1/servers/\(building)").status == 204)
    try await cloud.observeRemoved(building)
    let stopping = try await cloud.running()
    _ = await cloud.act(stopping, #"{"os-stop": null}"#)
    #expect(await cloud.send("DELETE", "/v2.1/servers/\(stopping)").status == 204)
    try await cloud.observe(stopping, .stopped)
    #expect(await cloud.server(stopping)["OS-EXT-STS:task_state"]?.string == "deleting")
    try await cloud.observeRemoved(stopping)
    #expect(try await cloud.count("server") == 0)
    try await cloud.ledgersAgree()
  }

  @Test func absenceNeverDeletes() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    let key = ObjectKey(.server, id)
    try await cloud.report([Observation(key: key, generation: 1_000_000, ready: true, removed: true)])
    #expect(await cloud.status(id) == "ACTIVE")
    // A removal of an older tombstone's time does not count either.
    let before = try await cloud.generation(id)
    _ = await cloud.send("DELETE", "/v2.1/servers/\(id)")
    try await cloud.report([Observation(key: key, generation: before, ready: true, removed: true)])
    #expect(try await cloud.count("server") == 1)
    try await cloud.ledgersAgree()
  }

  @Test func anotherNodeCannotSpeakForAServer() async throws {
    let cloud = try await Fixture(hosts: 2)
    let id = try await cloud.create()
    try await cloud.report(
      [
        Observation(
          key: ObjectKey(.server, id), generation: 1_000_000, ready: true,
          server: .init(power: .running, bootEpoch: 1, rootDiskID: nil, step: nil, portIDs: [], operation: nil))
      ], node: Fixture.node(1))
    #expect(await cloud.status(id) == "BUILD")
    try await cloud.ledgersAgree()
  }
}
