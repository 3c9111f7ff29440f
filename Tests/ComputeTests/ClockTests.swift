import Kit
import NodeLink
import Testing

/// A user's action ends when its time has passed, and not when somebody sets a clock.
struct ClockTests {
  static let hours = [3600.0, -3600.0, 86400.0 * 400]

  @Test(arguments: hours) func aSteppedClockEndsNoAction(by seconds: Double) async throws {
    let cloud = try await Fixture()
    let building = try await cloud.create(name: "building")
    let stopping = try await cloud.running(name: "stopping")
    _ = await cloud.act(stopping, #"{"os-stop": null}"#)
    let attaching = try await cloud.running(name: "attaching")
    let network = #"{"interfaceAttachment": {"net_id": "\#(FakeNetworks.networkID)"}}"#
    #expect(await cloud.send("POST", "/v2.1/servers/\(attaching)/os-interface", network).status == 200)
    cloud.stepWallClock(seconds: seconds)
    try await cloud.pass(seconds: 60)
    #expect(await cloud.status(building) == "BUILD")
    #expect(await cloud.server(stopping)["OS-EXT-STS:task_state"]?.string == "powering-off")
    #expect(try await cloud.count("saga WHERE state = 'forward'") == 1)
    // And none is held up by it.
    try await cloud.pass(seconds: 70)
    #expect(try await cloud.count("saga WHERE state = 'unwinding'") == 1)
    try await cloud.pass(seconds: 60)
    #expect(await cloud.server(stopping)["OS-EXT-STS:task_state"] == .null)
    try await cloud.pass(seconds: 450)
    #expect(await cloud.status(building) == "ERROR")
    try await cloud.ledgersAgree()
  }

  /// Each kind of action, what begins it, and its limit in seconds.
  static let limits: [(String, Int)] = [
    (#"{"os-stop": null}"#, 180), (#"{"reboot": {"type": "SOFT"}}"#, 300), (#"{"reboot": {"type": "HARD"}}"#, 300),
  ]

  @Test(arguments: limits) func eachActionHasItsLimit(_ body: String, _ seconds: Int) async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    #expect(await cloud.act(id, body).status == 202)
    try await cloud.pass(seconds: Double(seconds) - 10)
    #expect(await cloud.server(id)["OS-EXT-STS:task_state"] != .null)
    try await cloud.pass(seconds: 20)
    #expect(await cloud.server(id)["OS-EXT-STS:task_state"] == .null)
    // The guest was seen to run all the while: that is what it is.
    #expect(await cloud.status(id) == "ACTIVE")
    #expect(try await cloud.spec(id)?.bootEpoch == 1)
    let list = await cloud.get("/v2.1/servers/\(id)/os-instance-actions")["instanceActions"]?.array
    #expect(list?.first?["message"]?.string == "Error")
    try await cloud.ledgersAgree()
  }

  @Test func aStartHasItsLimit() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    _ = await cloud.act(id, #"{"os-stop": null}"#)
    try await cloud.observe(id, .stopped)
    _ = await cloud.act(id, #"{"os-start": null}"#)
    try await cloud.pass(seconds: 590)
    #expect(await cloud.status(id) == "SHUTOFF")
    try await cloud.pass(seconds: 20)
    #expect(await cloud.status(id) == "ERROR")
    try await cloud.ledgersAgree()
  }

  /// A process that was held up, or a host that slept, was not waiting.
  @Test func aLongSleepIsNotTheActionsFault() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.create()
    for _ in 0..<5 { try await cloud.sleep(seconds: 3600) }
    #expect(await cloud.status(id) == "BUILD")
    try await cloud.ledgersAgree()
  }
}
