import Auth
import Contracts
import Converge
import ConvergeExam
import Kit
import Logging
import NodeLink
import Store
import Synchronization
import Testing

@testable import Compute

/// Network cards come and go as sagas: whole or not at all, and no port is anybody else's while a guest holds its card.
struct InterfaceSagaTests {
  private static func url(_ id: String) -> String { "/v2.1/servers/\(id)/os-interface" }

  private static func attach(_ cloud: Fixture, _ id: String, port: String? = nil) async throws -> String {
    let what = port.map { #""port_id": "\#($0)""# } ?? #""net_id": "\#(FakeNetworks.networkID)""#
    let answer = await cloud.send("POST", url(id), #"{"interfaceAttachment": {\#(what)}}"#)
    #expect(answer.status == 200, "\(answer.text)")
    return try #require(answer.json["interfaceAttachment"]?["port_id"]?.string)
  }

  private static func detach(_ cloud: Fixture, _ id: String, _ port: String) async -> Int {
    await cloud.send("DELETE", url(id) + "/" + port).status
  }

  /// The latest action of a kind: its result and details.
  private static func action(_ cloud: Fixture, _ id: String, _ name: String) async throws -> (String?, String?) {
    let list = await cloud.get("/v2.1/servers/\(id)/os-instance-actions")["instanceActions"]?.array
    let request = try #require(list?.first { $0["action"]?.string == name }?["request_id"]?.string)
    let shown = await cloud.get("/v2.1/servers/\(id)/os-instance-actions/\(request)", version: "2.84")
    let event = shown["instanceAction"]?["events"]?.array?.first
    return (event?["result"]?.string, event?["details"]?.string)
  }

  // MARK: the exam

  private final class Uptime: Sendable {
    private let seconds = Mutex(0)
    /// Each reading is three seconds after the one before.
    var read: @Sendable () -> Duration {
      {
        .seconds(
          self.seconds.withLock { seconds in
            seconds += 3
            return seconds
          })
      }
    }
  }

  enum Case: String, CaseIterable {
    case attachNew, attachOwn, attachStopped, detach, detachOwn, detachStopped
    var detaches: Bool { rawValue.hasPrefix("detach") }
    var isOwn: Bool { rawValue.hasSuffix("Own") }
    var isStopped: Bool { rawValue.hasSuffix("Stopped") }
  }

  /// A server with a card, in a cloud whose own loops stand still.
  private static func world(_ which: Case) async throws -> SagaExam.World {
    let cloud = try await Fixture(settles: false)
    let id = try await cloud.running()
    try await cloud.observe(id, .running)
    var port = which.isOwn ? try await cloud.freePort("10.0.9.9") : ""
    let interfaces = cloud.interfaces
    if which.detaches {
      port = try await attach(cloud, id, port: port.isEmpty ? nil : port)
      try await cloud.observe(id, .running)
      try await cloud.settle()
    }
    if which.isStopped {
      _ = await cloud.act(id, #"{"os-stop": null}"#)
      try await cloud.observe(id, .stopped)
    }
    let (kind, own) = (which.detaches ? interfaces.detach : interfaces.attach, port)
    let uptime = Uptime()
    return SagaExam.World(
      store: cloud.store,
      runner: {
        SagaRunner(
          "exam", interfaces.kinds, store: cloud.store,
          clock: PassClock(longest: .seconds(15), uptime: uptime.read),
          logger: Logger(label: "exam", factory: { _ in SwiftLogNoOpLogHandler() }), probe: $0)
      },
      begin: { runner in
        try await cloud.store.write { tx in
          let server = try #require(try ServerTable.find(tx, id: id))
          let port = which.detaches ? own : try bind(tx, server, own)
          try ActionTable.begin(tx, server, "exam", requestID: "req-exam", userID: nil)
          return try runner.begin(
            tx, kind, InterfaceSagas.Card(serverID: id, portID: port, requestID: "req-exam"), subject: id,
            requestID: "req-exam", userID: nil
          ).id
        }
      }, outside: { try await cloud.observe(id, which.isStopped ? .stopped : .running) },
      slate: { try await slate(cloud) })
  }

  private static func bind(_ tx: Transaction, _ server: Server, _ port: String) throws -> String {
    let request: CardRequest =
      port.isEmpty ? .network(id: FakeNetworks.networkID, fixedIP: nil, tag: nil) : .port(id: port, tag: nil)
    let ports = try FakeNetworks().attach(
      tx, server: .init(id: server.id, projectID: server.projectID, hostname: server.hostname), requests: [request],
      securityGroups: [], principal: Fixture.principal("alice"), nodeID: server.nodeID, requestID: "req-exam")
    return try #require(ports.last).id
  }

  /// Ports, cards and the manifest, without ids.
  private static func slate(_ cloud: Fixture) async throws -> [String] {
    try await cloud.store.read { tx in
      try tx.query("SELECT 'port ' || address || ' ' || made || ' ' || (server_id IS NULL) FROM fake_port") {
        $0.text(0)
      }
        + tx.query("SELECT 'card ' || slot || ' ' || detaching FROM server_card") { $0.text(0) }
        + tx.query("SELECT spec FROM manifest WHERE spec <> ''") { "nics \(try Fixture.nics($0.text(0)))" }
        + tx.query("SELECT 'open ' || action FROM instance_action WHERE finished_at IS NULL") { $0.text(0) }
    }.sorted()
  }

  @Test(arguments: Case.allCases) func everySagaPassesTheExam(_ which: Case) async throws {
    let cloud = try await Fixture()
    let kind = which.detaches ? cloud.interfaces.detach : cloud.interfaces.attach
    let exam = SagaExam(of: kind, lastEnds: which.detaches) { try await Self.world(which) }
    #expect(try await exam.complaints() == [])
  }

  // MARK: attaching

  @Test func anAttachEndsWhenTheGuestHasTheCard() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    let port = try await Self.attach(cloud, id)
    try await cloud.observe(id, .running, portIDs: [])
    #expect(try await Self.action(cloud, id, "attach_interface").0 == nil)
    #expect(try await cloud.count("saga WHERE state = 'forward' AND step = 2") == 1)
    try await cloud.observe(id, .running)
    #expect(try await Self.action(cloud, id, "attach_interface").0 == "Success")
    #expect(try await cloud.spec(id)?.nics.last?.portID == port)
    try await cloud.ledgersAgree()
  }

  @Test(arguments: [true, false]) func oneThatTheGuestRefusesIsUnwound(own: Bool) async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    let first = try #require(try await cloud.spec(id)?.nics.first?.portID)
    let port = try await Self.attach(cloud, id, port: own ? try await cloud.freePort("10.0.9.9") : nil)
    try await cloud.observe(id, .running, portIDs: [first], condition: cloud.condition("AttachFailed", attempts: 4))
    #expect(try await cloud.spec(id)?.nics.count == 2)
    try await cloud.observe(id, .running, portIDs: [first], condition: cloud.condition("AttachFailed", attempts: 5))
    // The card is out of the manifest; the port waits until the node has seen that.
    #expect(try await cloud.spec(id)?.nics.map(\.portID) == [first])
    #expect(try await cloud.count("fake_port WHERE server_id IS NOT NULL") == 2)
    try await cloud.ledgersAgree()
    try await cloud.observe(id, .running)
    #expect(try await cloud.count("fake_port WHERE server_id IS NOT NULL") == 1)
    #expect(try await cloud.count("fake_port WHERE id = '\(port)'") == (own ? 1 : 0))
    let (result, details) = try await Self.action(cloud, id, "attach_interface")
    #expect(result == "Error")
    #expect(details?.hasPrefix("The guest did not take the network card.") == true)
    #expect(await cloud.status(id) == "ACTIVE")
    try await cloud.ledgersAgree()
  }

  @Test func oneThatTakesTooLongIsUnwound() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    let first = try #require(try await cloud.spec(id)?.nics.first?.portID)
    _ = try await Self.attach(cloud, id)
    try await cloud.observe(id, .running, step: "plugging", portIDs: [first])
    try await cloud.pass(seconds: 110)
    #expect(try await cloud.spec(id)?.nics.count == 2)
    try await cloud.pass(seconds: 20)
    try await cloud.observe(id, .running)
    #expect(try await cloud.count("fake_port") == 1)
    let (result, details) = try await Self.action(cloud, id, "attach_interface")
    #expect(result == "Error")
    #expect(details == "It was not done within 120 seconds, waiting for the guest to take the card.")
    try await cloud.ledgersAgree()
  }

  /// The node is away: nothing is given back, however long that takes, for the guest may have taken the card.
  @Test func unwindingWaitsForTheNode() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    let port = try await Self.attach(cloud, id)
    try await cloud.pass(seconds: 4000)
    #expect(try await cloud.count("fake_port") == 2)
    #expect(await cloud.get(Self.url(id))["interfaceAttachments"]?.array?.count == 1)
    // An old word of the node does not count, one with the card in it does not either.
    let first = try #require(try await cloud.spec(id)?.nics.first?.portID)
    let now = try await cloud.generation(id)
    try await cloud.observe(id, .running, portIDs: [first], generation: now - 1)
    try await cloud.observe(id, .running, portIDs: [first, port])
    #expect(try await cloud.count("fake_port") == 2)
    try await cloud.observe(id, .running, portIDs: [first])
    #expect(try await cloud.count("fake_port") == 1)
    try await cloud.ledgersAgree()
  }

  @Test func aPortDeletedMeanwhileEndsTheAttach() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    let port = try await Self.attach(cloud, id)
    try await cloud.store.write { [service = cloud.service] tx in
      try tx.execute("DELETE FROM fake_port WHERE id = \(port)")
      try service.portsChanged(tx, servers: [id], requestID: nil)
    }
    try await cloud.settle()
    #expect(try await Self.action(cloud, id, "attach_interface").0 == "Error")
    #expect(try await cloud.spec(id)?.nics.count == 1)
    try await cloud.ledgersAgree()
  }

  @Test func aServerThatIsOffTakesCardsAtOnce() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    _ = await cloud.act(id, #"{"os-stop": null}"#)
    try await cloud.observe(id, .stopped)
    let port = try await Self.attach(cloud, id)
    #expect(try await Self.action(cloud, id, "attach_interface").0 == "Success")
    #expect(await Self.detach(cloud, id, port) == 202)
    #expect(try await Self.action(cloud, id, "detach_interface").0 == "Success")
    #expect(try await cloud.count("fake_port") == 1)
    try await cloud.ledgersAgree()
  }

  @Test func aServerStoppedMeanwhileHasTheCardFromItsNextBoot() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    let first = try #require(try await cloud.spec(id)?.nics.first?.portID)
    _ = try await Self.attach(cloud, id)
    try await cloud.observe(id, .running, portIDs: [first])
    #expect(await cloud.act(id, #"{"os-stop": null}"#).status == 202)
    #expect(try await Self.action(cloud, id, "attach_interface").0 == nil)
    try await cloud.observe(id, .stopped)
    #expect(try await Self.action(cloud, id, "attach_interface").0 == "Success")
    #expect(try await cloud.spec(id)?.nics.count == 2)
    try await cloud.ledgersAgree()
  }

  // MARK: detaching

  /// ATTACKS.md 70: a detach that the guest refuses leaves the port where it is, for as long as it is there.
  @Test func aDetachTheGuestRefusesIsUndone() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    let port = try await Self.attach(cloud, id, port: try await cloud.freePort("10.0.9.9"))
    try await cloud.observe(id, .running)
    let both = try #require(try await cloud.spec(id)?.nics.map(\.portID))
    let slots = try await cloud.spec(id)?.nics.map(\.slot)
    #expect(await Self.detach(cloud, id, port) == 202)
    for attempts in 1...4 {
      try await cloud.observe(
        id, .running, portIDs: both, condition: cloud.condition("DetachFailed", attempts: attempts))
      // It is nobody else's meanwhile.
      let other = await cloud.send(
        "POST", Self.url(id), #"{"interfaceAttachment": {"port_id": "\#(port)"}}"#)
      #expect(other.status == 400)
    }
    try await cloud.observe(id, .running, portIDs: both, condition: cloud.condition("DetachFailed", attempts: 5))
    let (result, details) = try await Self.action(cloud, id, "detach_interface")
    #expect(result == "Error")
    #expect(details?.hasPrefix("The guest did not let go of the network card.") == true)
    // The card is asked back where it was.
    #expect(try await cloud.spec(id)?.nics.map(\.slot) == slots)
    #expect(await cloud.get(Self.url(id))["interfaceAttachments"]?.array?.count == 2)
    #expect(try await cloud.count("fake_port WHERE server_id IS NOT NULL") == 2)
    try await cloud.ledgersAgree()
    // It can be asked again.
    #expect(await Self.detach(cloud, id, port) == 202)
    try await cloud.observe(id, .running)
    #expect(try await cloud.count("fake_port WHERE server_id IS NOT NULL") == 1)
    try await cloud.ledgersAgree()
  }

  @Test func aDetachThatTakesTooLongIsUndone() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    let port = try #require(try await cloud.spec(id)?.nics.first?.portID)
    #expect(await Self.detach(cloud, id, port) == 202)
    try await cloud.pass(seconds: 140)
    #expect(try await Self.action(cloud, id, "detach_interface").0 == "Error")
    #expect(try await cloud.spec(id)?.nics.map(\.portID) == [port])
    #expect(try await cloud.count("fake_port") == 1)
    try await cloud.ledgersAgree()
  }

  /// What the node saw before it was asked to take the card out is no proof that it is out.
  @Test func anOldWordDoesNotFreeAPort() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    let port = try await Self.attach(cloud, id)
    let before = try await cloud.generation(id)
    #expect(await Self.detach(cloud, id, port) == 202)
    try await cloud.observe(id, .running, portIDs: [], generation: before)
    #expect(try await cloud.count("fake_port") == 2)
    try await cloud.observe(id, .running)
    #expect(try await cloud.count("fake_port") == 1)
    #expect(try await Self.action(cloud, id, "detach_interface").0 == "Success")
    let (result, details) = try await Self.action(cloud, id, "attach_interface")
    #expect(result == "Error")
    #expect(details?.contains("detached before") == true)
    try await cloud.ledgersAgree()
  }

  /// A card that will not go holds up one that should come, but is not its fault.
  @Test func theTroubleOfOneCardIsNotAnothers() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    let first = try #require(try await cloud.spec(id)?.nics.first?.portID)
    #expect(await Self.detach(cloud, id, first) == 202)
    let port = try await Self.attach(cloud, id)
    try await cloud.observe(id, .running, portIDs: [first], condition: cloud.condition("DetachFailed", attempts: 5))
    #expect(try await Self.action(cloud, id, "detach_interface").0 == "Error")
    #expect(try await Self.action(cloud, id, "attach_interface").0 == nil)
    #expect(try await cloud.spec(id)?.nics.map(\.portID) == [first, port])
    try await cloud.observe(id, .running)
    #expect(try await Self.action(cloud, id, "attach_interface").0 == "Success")
    try await cloud.ledgersAgree()
  }

  @Test func deletingTheServerEndsBoth() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    try await cloud.observe(id, .running)
    let first = try #require(try await cloud.spec(id)?.nics.first?.portID)
    let own = try await cloud.freePort("10.0.9.9")
    _ = try await Self.attach(cloud, id, port: own)
    #expect(await Self.detach(cloud, id, first) == 202)
    #expect(await cloud.send("DELETE", "/v2.1/servers/\(id)").status == 204)
    try await cloud.ledgersAgree()
    try await cloud.pass(seconds: 300)
    #expect(try await cloud.count("fake_port WHERE server_id IS NOT NULL") == 2)
    try await cloud.observeRemoved(id)
    try await cloud.isCleanSlate()
    // The user's own port is free, and still there.
    #expect(try await cloud.count("fake_port WHERE id = '\(own)'") == 1)
  }

  /// A control process that ends in the middle is only a delay.
  @Test func anotherProcessCarriesThemOn() async throws {
    let cloud = try await Fixture(settles: false)
    let id = try await cloud.running()
    let port = try await Self.attach(cloud, id)
    try await cloud.observe(id, .running)
    let next = ComputeService(
      store: cloud.store, placement: FakePlacement(), networks: FakeNetworks(), images: FakeImages(),
      cloudTag: CloudTag(cloudID: "abcd1234"), consoleQuery: { _, _, _ in nil },
      logger: Logger(label: "next", factory: { _ in SwiftLogNoOpLogHandler() }))
    for converger in next.convergers { try await converger.step() }
    #expect(try await Self.action(cloud, id, "attach_interface").0 == "Success")
    #expect(await Self.detach(cloud, id, port) == 202)
    try await cloud.observe(id, .running)
    for converger in next.convergers { try await converger.step() }
    #expect(try await cloud.count("fake_port") == 1)
    try await cloud.ledgersAgree()
  }
}
