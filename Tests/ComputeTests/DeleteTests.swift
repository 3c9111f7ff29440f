import Kit
import NodeLink
import Store
import Testing

/// Deletes win over whatever goes on, and leave nothing.
struct DeleteTests {
  private static func delete(_ cloud: Fixture, _ id: String) async -> Int {
    await cloud.send("DELETE", "/v2.1/servers/\(id)").status
  }

  /// What goes on when the delete comes.
  enum Moment: String, CaseIterable {
    case justAsked, fetchingImage, makingDisk, plugging, starting, failing, tooLong
    case stopping, starting2, softReboot, softRebootBegun, hardReboot, hardRebootOff, attaching, attachRefused
    case detaching, detachRefused, stopped, paused, dataMissing, powerDrift, running
  }

  @Test(arguments: Moment.allCases) func winsAt(_ moment: Moment) async throws {
    let cloud = try await Fixture()
    let id = try await Self.server(cloud, moment)
    try await cloud.ledgersAgree()
    #expect(await Self.delete(cloud, id) == 204)
    try await cloud.ledgersAgree()
    let server = await cloud.server(id)
    #expect(server["OS-EXT-STS:task_state"]?.string == "deleting")
    // Nothing else is taken on any more, and the second delete is the first one.
    #expect(await cloud.act(id, #"{"reboot": {"type": "HARD"}}"#).status == 409)
    let interface = #"{"interfaceAttachment": {"net_id": "\#(FakeNetworks.networkID)"}}"#
    #expect(await cloud.send("POST", "/v2.1/servers/\(id)/os-interface", interface).status == 409)
    #expect(await Self.delete(cloud, id) == 204)
    // It takes as long as it takes: claim, ports and pin stay until the host has nothing left.
    try await cloud.pass(seconds: 1000)
    #expect(try await cloud.count("fake_claim") == 1)
    #expect(try await cloud.count("fake_pin") == 1)
    try await cloud.ledgersAgree()
    try await cloud.observeRemoved(id)
    try await cloud.isCleanSlate()
    #expect(await Self.delete(cloud, id) == 404)
  }

  private static func server(_ cloud: Fixture, _ moment: Moment) async throws -> String {
    switch moment {
    case .justAsked: return try await cloud.create()
    case .fetchingImage, .makingDisk, .plugging, .starting:
      let id = try await cloud.create()
      let steps: [Moment: String] = [.fetchingImage: "fetching_image", .makingDisk: "making_disk"]
      try await cloud.observe(id, .absent, step: steps[moment] ?? moment.rawValue)
      return id
    case .failing:
      let id = try await cloud.create()
      try await cloud.observe(id, .absent, condition: cloud.condition("BootFailed", attempts: 5))
      return id
    case .tooLong:
      let id = try await cloud.create()
      try await cloud.pass(seconds: 620)
      return id
    default:
      let id = try await cloud.running()
      try await cloud.observe(id, .running)
      try await Self.change(cloud, id, moment)
      return id
    }
  }

  private static func change(_ cloud: Fixture, _ id: String, _ moment: Moment) async throws {
    let interfaces = "/v2.1/servers/\(id)/os-interface"
    let cards = try #require(try await cloud.spec(id)?.nics.map(\.portID))
    switch moment {
    case .stopping: _ = await cloud.act(id, #"{"os-stop": null}"#)
    case .stopped, .starting2:
      _ = await cloud.act(id, #"{"os-stop": null}"#)
      try await cloud.observe(id, .stopped)
      if moment == .starting2 { _ = await cloud.act(id, #"{"os-start": null}"#) }
    case .softReboot, .softRebootBegun:
      _ = await cloud.act(id, #"{"reboot": {"type": "SOFT"}}"#)
      let operation = try #require(try await cloud.spec(id)?.operation)
      if moment == .softRebootBegun {
        try await cloud.observe(id, .running, operation: .init(id: operation.id, outcome: .begun, message: nil))
      }
    case .hardReboot, .hardRebootOff:
      _ = await cloud.act(id, #"{"reboot": {"type": "HARD"}}"#)
      if moment == .hardRebootOff { try await cloud.observe(id, .stopped, bootEpoch: 1, step: "starting") }
    case .attaching, .attachRefused:
      let own = try await cloud.freePort("10.0.9.9")
      _ = await cloud.send("POST", interfaces, #"{"interfaceAttachment": {"port_id": "\#(own)"}}"#)
      if moment == .attachRefused {
        try await cloud.observe(
          id, .running, portIDs: cards, condition: cloud.condition("AttachFailed", attempts: 5))
      }
    case .detaching, .detachRefused:
      _ = await cloud.send("DELETE", interfaces + "/" + (cards.first ?? ""))
      if moment == .detachRefused {
        try await cloud.observe(
          id, .running, portIDs: cards, condition: cloud.condition("DetachFailed", attempts: 5))
      }
    case .paused: try await cloud.observe(id, .paused, condition: cloud.condition("GuestPaused", attempts: 0))
    case .dataMissing: try await cloud.observe(id, .stopped, condition: cloud.condition("DataMissing"))
    case .powerDrift: try await cloud.observe(id, .crashed, step: "starting")
    default: break
    }
  }

  @Test func withoutAHostItIsGoneAtOnce() async throws {
    let cloud = try await Fixture(vcpus: 0)
    let id = try await cloud.create()
    #expect(await cloud.status(id) == "ERROR")
    #expect(await Self.delete(cloud, id) == 204)
    #expect(await Self.delete(cloud, id) == 404)
    try await cloud.isCleanSlate()
  }

  @Test func twoClientsAtOnce() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    let answers = await withTaskGroup(of: Int.self) { group in
      for _ in 0..<8 { group.addTask { await Self.delete(cloud, id) } }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(answers == Array(repeating: 204, count: 8))
    #expect(try await cloud.count("instance_action WHERE action = 'delete'") == 1)
    try await cloud.ledgersAgree()
    try await cloud.observeRemoved(id)
    try await cloud.isCleanSlate()
  }

  /// A delete never gives up; what it meets is said where its user looks.
  @Test func oneThatMeetsTroubleSaysSo() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    #expect(await Self.delete(cloud, id) == 204)
    let request = try await cloud.store.read {
      try $0.first("SELECT request_id FROM instance_action WHERE action = 'delete'") { $0.text(0) }
    }
    let key = ObjectKey(.server, id)
    let generation = try await cloud.generation(id)
    for attempts in 1...20 {
      try await cloud.report([
        Observation(
          key: key, generation: generation, ready: false,
          condition: cloud.condition("DestroyFailed", attempts: attempts))
      ])
    }
    try await cloud.pass(seconds: 4000)
    #expect(await cloud.server(id)["OS-EXT-STS:task_state"]?.string == "deleting")
    #expect(try await cloud.count("server WHERE condition_type = 'DestroyFailed'") == 1)
    let path = "/v2.1/servers/\(id)/os-instance-actions/\(request ?? "")"
    let event = await cloud.get(path, version: "2.84")["instanceAction"]?["events"]?.array?.first
    #expect(
      event?["details"]?.string == "The hypervisor could not end the guest. It is tried again until nothing is left.")
    #expect(event?["finish_time"] == .null)
    try await cloud.ledgersAgree()
    try await cloud.observeRemoved(id)
    try await cloud.isCleanSlate()
    let ended = await cloud.get(path, version: "2.84")["instanceAction"]?["events"]?.array?.first
    #expect(ended?["result"]?.string == "Success")
    #expect(ended?["details"] == .null)
  }

  /// ATTACKS.md 78: a quota is counted in the transaction that uses it, so no race of creates and deletes exceeds it.
  @Test func noRaceExceedsAQuota() async throws {
    let cloud = try await Fixture()
    for round in 0..<4 {
      let made = await withTaskGroup(of: String?.self) { group in
        for number in 0..<24 {
          group.addTask {
            let body = Fixture.body(name: "race-\(round)-\(number)")
            let answer = await cloud.send("POST", "/v2.1/servers", body)
            guard answer.status == 202 else {
              #expect(answer.status == 403)
              return nil
            }
            let id = answer.json["server"]?["id"]?.string
            if number % 3 == 0, let id {
              _ = await Self.delete(cloud, id)
              try? await cloud.observeRemoved(id)
            }
            return id
          }
        }
        return await group.reduce(into: []) { $0.append($1) }
      }
      #expect(made.compactMap { $0 }.count >= 10)
      #expect(try await cloud.count("server") <= 10)
      try await cloud.ledgersAgree()
      let left = try await cloud.store.read { try $0.query("SELECT id FROM server") { $0.text(0) } }
      for id in left {
        #expect(await Self.delete(cloud, id) == 204)
        try await cloud.observeRemoved(id)
      }
      try await cloud.isCleanSlate()
    }
  }
}
