import Kit
import NodeLink
import Store
import Testing

/// Every way into ERROR says what happened, what it means and what to do; what is inside stays with the operator.
struct FaultTests {
  /// The fault as its user and as the operator see it.
  private static func fault(_ cloud: Fixture, _ id: String) async -> (user: JSONValue, admin: JSONValue) {
    (await cloud.server(id)["fault"] ?? .null, await cloud.server(id, as: "admin")["fault"] ?? .null)
  }

  private static func expectActionable(
    _ cloud: Fixture, _ id: String, contains words: [String], operatorSees: [String],
    _ sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    #expect(await cloud.status(id) == "ERROR", sourceLocation: sourceLocation)
    let (user, admin) = await fault(cloud, id)
    let message = user["message"]?.string ?? ""
    for word in words { #expect(message.contains(word), "\(message)", sourceLocation: sourceLocation) }
    #expect(user["code"]?.int == 500, sourceLocation: sourceLocation)
    #expect(user["created"]?.string != nil, sourceLocation: sourceLocation)
    // Nothing of the inside: no paths, no hosts, no words of drivers.
    #expect(user["details"] == nil, sourceLocation: sourceLocation)
    for inside in ["/", "host0", "libvirt", "qemu", "nil", "Optional", ".."] {
      #expect(!message.contains(inside), "\(message)", sourceLocation: sourceLocation)
    }
    let advises = ["ask the operator", "Ask the operator", "reboot", "delete", "image"].contains {
      message.contains($0)
    }
    #expect(advises, "\(message)", sourceLocation: sourceLocation)
    #expect(admin["message"]?.string == message, sourceLocation: sourceLocation)
    let details = admin["details"]?.string ?? ""
    for word in operatorSees { #expect(details.contains(word), "\(details)", sourceLocation: sourceLocation) }
    try await cloud.ledgersAgree(sourceLocation)
  }

  // MARK: no host

  @Test func noHostSaysWhatIsShortWhere() async throws {
    let cloud = try await Fixture(hosts: 2, vcpus: 1)
    for number in 0..<2 { _ = try await cloud.create(name: "fills-\(number)") }
    try await cloud.store.write { _ = try $0.execute("UPDATE fake_host SET memory_mib = 128 WHERE hostname = 'host1'") }
    let id = try await cloud.create()
    try await Self.expectActionable(
      cloud, id,
      contains: ["No valid host was found.", "1 vCPUs, 128 MiB", "enough vCPUs, memory free", "smaller flavor"],
      operatorSees: ["host0: 1 vCPUs asked, 0 free", "host1: 1 vCPUs asked, 0 free, 128 MiB of memory asked, 0 free"])
    // The record of the action says the same.
    let actions = await cloud.get("/v2.1/servers/\(id)/os-instance-actions")["instanceActions"]?.array
    #expect(actions?.first?["message"]?.string == "Error")
  }

  @Test func noHostInService() async throws {
    let cloud = try await Fixture()
    try await cloud.store.write { _ = try $0.execute("UPDATE fake_host SET enabled = 0") }
    let id = try await cloud.create()
    try await Self.expectActionable(
      cloud, id, contains: ["No host is in service"], operatorSees: ["host0: it is disabled"])
  }

  @Test func noHostAtAll() async throws {
    let cloud = try await Fixture(hosts: 0)
    let id = try await cloud.create()
    try await Self.expectActionable(
      cloud, id, contains: ["The cloud has no host yet."], operatorSees: ["No host has ever reported."])
  }

  @Test func theHostThatWasAskedForIsFull() async throws {
    let cloud = try await Fixture(hosts: 2)
    try await cloud.store.write { _ = try $0.execute("UPDATE fake_host SET enabled = 0 WHERE hostname = 'host1'") }
    let answer = await cloud.send(
      "POST", "/v2.1/servers", Fixture.body(#""host": "host1", "networks": "auto", "#), as: "admin", version: "2.74")
    let id = try #require(answer.json["server"]?["id"]?.string, "\(answer.text)")
    let fault = await cloud.server(id, as: "admin")["fault"]
    #expect(fault?["message"]?.string?.contains("The host that was asked for") == true)
    #expect(fault?["details"]?.string?.contains("asked for host1; host1: it is disabled") == true)
  }

  // MARK: conditions

  /// Condition, tries, and words of the message.
  static let conditions: [(String, Int, [String])] = [
    ("BaseImageUnavailable", 8, ["image cannot be had", "was not built", "still there and active"]),
    ("BaseImageMismatch", 3, ["not what was uploaded", "was not built", "Upload the image again"]),
    ("HostDiskFull", 8, ["disk of the server's host is full", "was not built"]),
    ("DiskFailed", 5, ["root disk could not be made ready", "was not built"]),
    ("ConfigDriveFailed", 5, ["config drive", "was not built"]),
    ("DefineFailed", 5, ["refused the server's definition", "was not built"]),
    ("BootFailed", 5, ["could not boot the guest", "was not built"]),
    ("DataMissing", 0, ["root disk is gone", "nothing was made in its place"]),
    ("SomethingNew", 5, ["It is SomethingNew.", "was not built"]),
  ]

  @Test(arguments: conditions) func aCreateThatMeets(_ type: String, tries: Int, words: [String]) async throws {
    let cloud = try await Fixture()
    let id = try await cloud.create()
    if tries > 0 {
      try await cloud.observe(id, .absent, condition: cloud.condition(type, attempts: tries - 1))
      #expect(await cloud.status(id) == "BUILD")
    }
    try await cloud.observe(id, .absent, condition: cloud.condition(type, attempts: tries))
    try await Self.expectActionable(
      cloud, id, contains: words, operatorSees: ["host host0", "\(type), \(tries) attempts", "haneul explain \(id)"])
  }

  @Test func aStartThatFails() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    _ = await cloud.act(id, #"{"os-stop": null}"#)
    try await cloud.observe(id, .stopped)
    _ = await cloud.act(id, #"{"os-start": null}"#)
    try await cloud.observe(id, .stopped, condition: cloud.condition("BootFailed", attempts: 5))
    try await Self.expectActionable(
      cloud, id, contains: ["could not boot the guest", "stays off"], operatorSees: ["start of request req-"])
  }

  @Test func aHardRebootThatFails() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    _ = await cloud.act(id, #"{"reboot": {"type": "HARD"}}"#)
    try await cloud.observe(id, .stopped, bootEpoch: 1, condition: cloud.condition("DefineFailed", attempts: 5))
    try await Self.expectActionable(
      cloud, id, contains: ["refused the server's definition", "The server is off."],
      operatorSees: ["hard_reboot of request req-"])
    // It is not resumed, and a later one that goes well ends the error.
    #expect(try await cloud.spec(id)?.power == .stopped)
    _ = await cloud.act(id, #"{"reboot": {"type": "HARD"}}"#)
    try await cloud.observe(id, .running)
    #expect(await cloud.status(id) == "ACTIVE")
    #expect(await cloud.server(id)["fault"] == nil)
  }

  @Test(arguments: [ServerObservation.OperationResult.Outcome.failed, .unknown])
  func aSoftRebootThatEndsWithTheGuestOff(_ outcome: ServerObservation.OperationResult.Outcome) async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    _ = await cloud.act(id, #"{"reboot": {"type": "SOFT"}}"#)
    let operation = try #require(try await cloud.spec(id)?.operation)
    try await cloud.observe(
      id, .stopped, operation: .init(id: operation.id, outcome: outcome, message: "The node stopped in the middle."))
    try await Self.expectActionable(
      cloud, id, contains: [outcome == .unknown ? "not known whether" : "was not rebooted", "stopped in the middle"],
      operatorSees: ["soft_reboot of request req-"])
  }

  @Test func lostDataOfARunningServer() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    try await cloud.observe(id, .stopped, condition: cloud.condition("DataMissing", attempts: 0))
    try await Self.expectActionable(
      cloud, id, contains: ["root disk is gone", "restore the file, or delete the server"],
      operatorSees: ["DataMissing", "host host0"])
    // Nothing that follows makes it forgotten, until the data is back.
    try await cloud.observe(id, .stopped, condition: cloud.condition("DataMissing", attempts: 0))
    #expect(await cloud.status(id) == "ERROR")
  }

  // MARK: time

  /// What the node said last, and words of the message.
  static let waits: [(String?, String?, [String])] = [
    (nil, nil, ["has said nothing of the server yet"]), ("fetching_image", nil, ["fetching the image's data"]),
    ("making_disk", nil, ["making the root disk"]), ("plugging", nil, ["wiring the server's network ports"]),
    ("starting", nil, ["booting the guest"]), ("plugging", "RulesRejected", ["It is RulesRejected."]),
    ("plugging", "PortNotReady", ["port of the server cannot be wired"]),
    (nil, "HypervisorUnavailable", ["hypervisor of the server's host does not answer", "Try again later"]),
    (nil, "NodeDiskFailed", ["cannot write its records"]),
  ]

  @Test(arguments: waits) func aCreateThatTakesTooLong(_ step: String?, _ type: String?, words: [String]) async throws {
    let cloud = try await Fixture()
    let id = try await cloud.create()
    if step != nil || type != nil {
      // However often it was tried: what only time ends does not end by counting.
      let condition = type.map {
        cloud.condition($0, attempts: ["RulesRejected", "PortNotReady"].contains($0) ? 0 : 500)
      }
      try await cloud.observe(id, .absent, step: step, condition: condition)
    }
    try await cloud.pass(seconds: 590, wall: false)
    #expect(await cloud.status(id) == "BUILD")
    try await cloud.pass(seconds: 30, wall: false)
    #expect(await cloud.status(id) == "ERROR")
    let message = await cloud.server(id)["fault"]?["message"]?.string ?? ""
    for word in words + ["not done within 600 seconds", "was not built"] {
      #expect(message.contains(word), "\(message)")
    }
    #expect(await cloud.server(id, as: "admin")["fault"]?["details"]?.string?.contains("create of request") == true)
    try await cloud.ledgersAgree()
  }

  @Test func aSilentHostIsNamedAsTheReason() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.create(name: "unheard")
    let fetching = try await cloud.create(name: "fetching")
    try await cloud.observe(fetching, .absent, step: "fetching_image")
    try await cloud.pass(seconds: 620)
    let first = await cloud.server(id)["fault"]?["message"]?.string ?? ""
    #expect(first.contains("The host does not answer."), "\(first)")
    let second = await cloud.server(fetching)["fault"]?["message"]?.string ?? ""
    #expect(second.contains("does not answer; when last heard of it was fetching the image's data."), "\(second)")
  }

  /// What an earlier action met is no fault of the one that has just begun.
  @Test func anOldConditionDoesNotEndANewAction() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    try await cloud.observe(id, .stopped, condition: cloud.condition("BootFailed", attempts: 9))
    let before = try await cloud.generation(id)
    #expect(await cloud.act(id, #"{"reboot": {"type": "HARD"}}"#).status == 202)
    try await cloud.observe(
      id, .stopped, condition: cloud.condition("BootFailed", attempts: 10), generation: before)
    #expect(await cloud.status(id) == "HARD_REBOOT")
    try await cloud.observe(id, .running)
    #expect(await cloud.status(id) == "ACTIVE")
    try await cloud.ledgersAgree()
  }
}
