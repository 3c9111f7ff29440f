import Kit
import NodeLink
import Store
import Testing

/// Repair of drift shows a sensible status and never gives up; what a guest did itself is adopted.
struct DriftTests {
  @Test(arguments: [ServerObservation.Power.stopped, .absent, .crashed])
  func powerThatIsPutBackNeverLooksLikeAnError(_ power: ServerObservation.Power) async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    let asked = try await cloud.spec(id)
    for attempts in 0..<12 {
      let condition = attempts == 0 ? nil : cloud.condition("BootFailed", attempts: attempts)
      try await cloud.observe(id, power, step: condition == nil ? "starting" : nil, condition: condition)
      let server = await cloud.server(id)
      #expect(server["status"]?.string == "SHUTOFF")
      #expect(server["OS-EXT-STS:task_state"]?.string == "powering-on")
      #expect(server["fault"] == nil)
    }
    try await cloud.pass(seconds: 3600)
    #expect(await cloud.status(id) == "SHUTOFF")
    #expect(try await cloud.spec(id)?.power == asked?.power)
    try await cloud.observe(id, .running)
    #expect(await cloud.status(id) == "ACTIVE")
    #expect(await cloud.server(id)["OS-EXT-STS:task_state"] == .null)
    // It was nobody's action.
    let actions = await cloud.get("/v2.1/servers/\(id)/os-instance-actions")["instanceActions"]?.array
    #expect(actions?.map { $0["action"]?.string } == ["create"])
    try await cloud.ledgersAgree()
  }

  /// Who wants a server off whose repair does not come to an end, may have it.
  @Test func aStopEndsTheRepair() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    try await cloud.observe(id, .stopped, condition: cloud.condition("BootFailed", attempts: 3))
    #expect(await cloud.act(id, #"{"os-stop": null}"#).status == 202)
    #expect(try await cloud.spec(id)?.power == .stopped)
    try await cloud.observe(id, .stopped)
    #expect(await cloud.status(id) == "SHUTOFF")
    #expect(await cloud.server(id)["OS-EXT-STS:task_state"] == .null)
    #expect(await cloud.act(id, #"{"os-stop": null}"#).status == 409)
    try await cloud.ledgersAgree()
  }

  @Test func aGuestSomebodySuspendedIsPaused() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    try await cloud.observe(id, .paused, condition: cloud.condition("GuestPaused", attempts: 0))
    #expect(await cloud.status(id) == "PAUSED")
    #expect(await cloud.act(id, #"{"reboot": {"type": "HARD"}}"#).status == 202)
    try await cloud.observe(id, .running)
    #expect(await cloud.status(id) == "ACTIVE")
    try await cloud.ledgersAgree()
  }

  @Test func whatIsAdoptedIsRecordedOnce() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    for _ in 0..<3 {
      try await cloud.observe(id, .stopped, condition: cloud.condition("PoweredOff", attempts: 0))
    }
    #expect(await cloud.status(id) == "SHUTOFF")
    #expect(await cloud.server(id)["OS-EXT-STS:task_state"] == .null)
    let actions = await cloud.get("/v2.1/servers/\(id)/os-instance-actions")["instanceActions"]?.array
    #expect(actions?.map { $0["action"]?.string } == ["stop", "create"])
    #expect(actions?.first?["message"]?.string == "The guest powered itself off.")
    try await cloud.ledgersAgree()
  }
}
