import Kit
import NodeLink
import Store
import Testing

/// What happens when things do not go as asked.
struct TroubleTests {
  @Test func noHostFits() async throws {
    let cloud = try await Fixture(vcpus: 0)
    let id = try await cloud.create()
    let server = await cloud.server(id)
    #expect(server["status"]?.string == "ERROR")
    #expect(server["fault"]?["code"]?.int == 500)
    #expect(server["fault"]?["message"]?.string?.hasPrefix("No valid host was found.") == true)
    #expect(server["hostId"]?.string == "")
    #expect(try await cloud.count("fake_pin") == 0)
    #expect(await cloud.act(id, #"{"os-start": null}"#).status == 409)
    #expect(await cloud.act(id, #"{"reboot": {"type": "HARD"}}"#).status == 409)
    #expect(await cloud.send("DELETE", "/v2.1/servers/\(id)").status == 204)
    #expect(await cloud.send("GET", "/v2.1/servers/\(id)").status == 404)
    #expect(try await cloud.count("fake_port") == 0)
    try await cloud.ledgersAgree()
  }

  @Test func aBuildThatTakesTooLongEnds() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.create()
    try await cloud.pass(seconds: 500)
    #expect(await cloud.status(id) == "BUILD")
    try await cloud.pass(seconds: 200)
    let server = await cloud.server(id)
    #expect(server["status"]?.string == "ERROR")
    #expect(server["fault"]?["message"]?.string?.contains("600 seconds") == true)
    // It is not resumed: the node is not asked to run it any more.
    #expect(try await cloud.spec(id)?.power == .stopped)
    #expect(await cloud.act(id, #"{"reboot": {"type": "HARD"}}"#).status == 202)
    try await cloud.observe(id, .running)
    #expect(await cloud.status(id) == "ACTIVE")
    try await cloud.ledgersAgree()
  }

  @Test func aBuildThatFailsAgainAndAgainEnds() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.create()
    try await cloud.observe(id, .absent, condition: cloud.condition("BaseImageUnavailable", attempts: 7))
    #expect(await cloud.status(id) == "BUILD")
    try await cloud.observe(id, .absent, condition: cloud.condition("BaseImageUnavailable", attempts: 8))
    let server = await cloud.server(id)
    #expect(server["status"]?.string == "ERROR")
    #expect(server["fault"]?["message"]?.string?.contains("image cannot be had") == true)
    #expect(server["fault"]?["details"] == nil)
    // A hard reboot tries once more, and success ends the error.
    #expect(await cloud.act(id, #"{"reboot": {"type": "HARD"}}"#).status == 202)
    try await cloud.observe(id, .running)
    #expect(await cloud.status(id) == "ACTIVE")
    try await cloud.ledgersAgree()
  }

  @Test func whatNeverRanStaysInError() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.create()
    try await cloud.observe(id, .absent, condition: cloud.condition("BootFailed", attempts: 5))
    #expect(await cloud.act(id, #"{"os-stop": null}"#).status == 202)
    try await cloud.observe(id, .absent)
    #expect(await cloud.status(id) == "ERROR")
    #expect(await cloud.send("DELETE", "/v2.1/servers/\(id)").status == 204)
    try await cloud.observeRemoved(id)
    #expect(try await cloud.count("server") == 0)
    try await cloud.ledgersAgree()
  }

  @Test func aStopThatDoesNotComeIsGivenUp() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    _ = await cloud.act(id, #"{"os-stop": null}"#)
    try await cloud.pass(seconds: 200)
    let server = await cloud.server(id)
    #expect(server["status"]?.string == "ACTIVE")
    #expect(server["OS-EXT-STS:task_state"] == .null)
    #expect(try await cloud.spec(id)?.power == .running)
    try await cloud.ledgersAgree()
  }

  @Test func aStartThatFailsIsAnError() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    _ = await cloud.act(id, #"{"os-stop": null}"#)
    try await cloud.observe(id, .stopped)
    _ = await cloud.act(id, #"{"os-start": null}"#)
    try await cloud.observe(id, .stopped, condition: cloud.condition("BootFailed", attempts: 5))
    #expect(await cloud.status(id) == "ERROR")
    #expect(try await cloud.spec(id)?.power == .stopped)
    // The quiet that follows does not hide it.
    try await cloud.observe(id, .stopped)
    #expect(await cloud.status(id) == "ERROR")
    try await cloud.ledgersAgree()
  }

  @Test func aGuestThatPowersItselfOffStaysOff() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    try await cloud.observe(id, .stopped, condition: cloud.condition("PoweredOff", attempts: 0))
    #expect(await cloud.status(id) == "SHUTOFF")
    #expect(try await cloud.spec(id)?.power == .stopped)
    let actions = await cloud.get("/v2.1/servers/\(id)/os-instance-actions")["instanceActions"]?.array
    #expect(actions?.first?["action"]?.string == "stop")
    #expect(actions?.first?["user_id"] == .null)
    #expect(actions?.first?["message"]?.string == "The guest powered itself off.")
    #expect(await cloud.act(id, #"{"os-start": null}"#).status == 202)
    try await cloud.ledgersAgree()
  }

  @Test func powerOffSeenBeforeAnActionIsNotTaken() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    let before = try await cloud.generation(id)
    _ = await cloud.act(id, #"{"reboot": {"type": "HARD"}}"#)
    try await cloud.observe(
      id, .stopped, bootEpoch: 1, condition: cloud.condition("PoweredOff", attempts: 0), generation: before)
    #expect(try await cloud.spec(id)?.power == .running)
    #expect(await cloud.status(id) == "HARD_REBOOT")
    try await cloud.ledgersAgree()
  }

  @Test func offWithoutThatReasonIsRepaired() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    try await cloud.observe(id, .stopped, step: "starting")
    let server = await cloud.server(id)
    #expect(server["status"]?.string == "SHUTOFF")
    #expect(server["OS-EXT-STS:task_state"]?.string == "powering-on")
    #expect(try await cloud.spec(id)?.power == .running)
    try await cloud.observe(id, .running)
    #expect(await cloud.status(id) == "ACTIVE")
    try await cloud.ledgersAgree()
  }

  @Test func lostDataIsAnErrorUntilItIsBack() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    try await cloud.observe(id, .stopped, condition: cloud.condition("DataMissing"))
    let server = await cloud.server(id)
    #expect(server["status"]?.string == "ERROR")
    #expect(server["fault"]?["message"]?.string?.contains("root disk is gone") == true)
    try await cloud.observe(id, .running)
    #expect(await cloud.status(id) == "ACTIVE")
    try await cloud.ledgersAgree()
  }

  @Test func theFirstPasswordIsForgotten() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running(#""adminPass": "s3cret-word", "#)
    #expect(try await cloud.spec(id)?.metadata.metaData.contains(#""admin_pass":"s3cret-word""#) == true)
    try await cloud.pass(seconds: 3700)
    #expect(try await cloud.spec(id)?.metadata.metaData.contains("s3cret-word") == false)
    #expect(
      try await cloud.store.read { try $0.count("SELECT count(*) FROM server WHERE admin_pass IS NOT NULL") } == 0)
    try await cloud.ledgersAgree()
  }

  @Test func sameObservationWritesNothing() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    // That its disk was made is a generation of its own.
    try await cloud.observe(id, .running)
    let before = try await cloud.count("changes")
    try await cloud.observe(id, .running)
    try await cloud.observe(id, .running)
    #expect(try await cloud.count("changes") == before)
    try await cloud.ledgersAgree()
  }
}
