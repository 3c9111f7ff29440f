import CSimulation
import Foundation
import Kit
import Logging
import Simulation

@testable import Cloud
@testable import Store

/// One cloud with all its hosts, its users and its bad luck, on one thread, under one seed.
///
/// `@unchecked Sendable`: everything of the simulation runs on its one thread.
final class World: @unchecked Sendable {
  let plan: Plan
  let directory: String
  let state: StateDirectory
  let settings: CloudSettings
  let disk: StoreDisk
  var dice: Dice
  var log = EventLog()
  private(set) var hosts: [SimulatedHost] = []
  private(set) var control: ControlLife?
  private var controls = 0
  /// Streams that were opened so far.
  var pipes = 0
  /// Whether anything may fail now.
  private(set) var troubled = false
  private(set) var usersAreThere = false
  /// Servers whose guests somebody has changed behind the cloud's back.
  private(set) var meddledWith: Set<String> = []
  /// Whether the store fails now and then.
  var storeIsIll = false
  /// Hosts whose drivers fail and hang more than others.
  var shaky: Set<Int> = []
  private(set) var failures: [String] = []
  private(set) var counts: [String: Int] = [:]

  init(plan: Plan, directory: String) throws {
    self.plan = plan
    self.directory = directory
    dice = Dice(seed: plan.seed)
    disk = try StoreDisk()
    state = StateDirectory(directory + "/state")
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    try state.prepare(controlUser: SystemUser(uid: getuid(), gid: getgid()))
    try FileManager.default.createDirectory(atPath: state.images, withIntermediateDirectories: true)
    settings = try CloudOptions(host: nil, port: nil, externalCIDR: nil, externalMasquerade: nil)
      .settings(existing: nil)
    hosts = (1...plan.nodes).map { SimulatedHost(number: $0, world: self) }
  }

  // MARK: what is said

  func note(_ text: String) { log.note(text) }

  /// Something happened that must never happen.
  func fail(_ text: String) {
    guard !failures.contains(text) else { return }
    failures.append(text)
    log.note("FAILED \(text)")
  }

  func count(_ what: String) { counts[what, default: 0] += 1 }

  func logger(_ who: String) -> Logger {
    var logger = Logger(label: who) { [self] in WorldLog(world: self, who: $0) }
    logger.logLevel = .warning
    return logger
  }

  // MARK: time

  func pause(microseconds: ClosedRange<Int>) async throws {
    try await Task.sleep(for: .microseconds(dice.of(microseconds)))
  }

  func pause(milliseconds: ClosedRange<Int>) async throws {
    try await pause(microseconds: milliseconds.lowerBound * 1000...milliseconds.upperBound * 1000)
  }

  func pause(seconds: ClosedRange<Int>) async throws {
    try await pause(milliseconds: seconds.lowerBound * 1000...seconds.upperBound * 1000)
  }

  /// A pause that cancelling does not end.
  func patientPause(milliseconds: ClosedRange<Int>) async {
    let time = dice.of(milliseconds.lowerBound * 1000...milliseconds.upperBound * 1000)
    await Task.detached { try? await Task.sleep(for: .microseconds(time)) }.value
  }

  // MARK: control

  func startControl() {
    guard control == nil else { return }
    controls += 1
    let next = ControlLife(number: controls, world: self)
    control = next
    next.start()
  }

  /// `kill -9` of control; it is started again after a while.
  func controlDies() {
    guard let dead = control else { return }
    note("control \(dead.number) dies")
    count("control died")
    control = nil
    dead.life.end()
    Task.detached { [self] in
      try? await pause(milliseconds: 100...15_000)
      startControl()
    }
  }

  // MARK: bad luck

  private func luck(_ perMille: Int) -> Bool { troubled && plan.faults && dice.chance(perMille) }

  func storeFault(ofRead: Bool) -> StoreError? {
    guard storeIsIll, luck(ofRead ? plan.storeFails / 10 : plan.storeFails) else { return nil }
    count("store failed")
    let kinds: [StoreError.Kind] = ofRead ? [.io, .unavailable] : [.busy, .full, .io, .overloaded, .unavailable]
    return StoreError(kind: kinds[dice.of(0...kinds.count - 1)], message: "simulated")
  }

  func storeForgetsToAnswer() -> Bool {
    guard storeIsIll, luck(20) else { return false }
    count("commit unknown")
    return true
  }

  func controlDiesAtCommit() -> Bool {
    guard control?.services != nil, dice.chance(1), luck(30) else { return false }
    controlDies()
    return true
  }

  func losesMessage() -> Bool {
    guard luck(plan.messageLost) else { return false }
    count("message lost")
    return true
  }

  func delaysReport() -> Bool {
    guard luck(plan.reportLate) else { return false }
    count("report late")
    return true
  }

  private func drivers(_ perMille: Int, _ host: SimulatedHost) -> Bool {
    luck(shaky.contains(host.number) ? perMille * 10 : perMille)
  }

  func failsDriver(_ host: SimulatedHost) -> Bool {
    guard drivers(plan.driverFails, host) else { return false }
    count("driver failed")
    return true
  }

  func hangsDriver(_ host: SimulatedHost) -> Bool {
    guard drivers(plan.driverHangs, host) else { return false }
    count("driver hung")
    return true
  }

  func killsAgent(_ host: SimulatedHost, _ place: String) -> Bool {
    guard drivers(plan.agentDies, host) else { return false }
    agentDies(host, place)
    return true
  }

  /// `kill -9` of an agent; it is started again after a while.
  func agentDies(_ host: SimulatedHost, _ place: String) {
    guard host.life != nil else { return }
    note("\(host.name)'s agent dies \(place)")
    count("agent died")
    host.killAgent()
    revive(host)
  }

  func powerFails(_ host: SimulatedHost) {
    note("\(host.name) loses power")
    count("host lost power")
    host.losePower()
    revive(host)
  }

  private func revive(_ host: SimulatedHost) {
    Task.detached { [self] in
      try? await pause(milliseconds: 200...20_000)
      host.startAgent()
    }
  }

  /// A call has changed a host: what must never be, would be seen right here.
  func acted(_ host: SimulatedHost, _ name: String) {
    note("\(host.name) \(name)")
    count("host call")
    if name == "start" { Invariants(self).guestsAreWhereTheyBelong() }
  }

  func meddled(with server: String) {
    meddledWith.insert(server)
    count("meddled with guest")
  }

  func stepWall(seconds: Int) { simulation_step_wall(Int64(seconds) * 1_000_000_000) }

  /// Simulated seconds since the simulation began.
  var seconds: Double { Double(simulation_now()) / 1_000_000_000 }

  /// Of the flavors that a new cloud has, the smallest.
  var flavor: String { "1" }

  func begin() { (troubled, usersAreThere) = (true, true) }

  func end() { usersAreThere = false }

  /// From now on nothing fails any more, and everybody can do his work.
  func calm() {
    note("the faults stop")
    troubled = false
    storeIsIll = false
    shaky = []
    for host in hosts {
      host.wire.mend()
      host.hypervisor.set { $0.obeysPowerButton = true }
    }
  }
}

/// What services and agents log goes to the world's log, in words only: ids of requests and errors' texts are no part
/// of what two runs are compared by.
private struct WorldLog: LogHandler {
  let world: World
  let who: String
  var metadata: Logger.Metadata = [:]
  var logLevel = Logger.Level.warning

  init(world: World, who: String) {
    self.world = world
    self.who = who
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let more = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    world.log.remark("[\(who)] \(event.message) \(more.joined(separator: " "))")
  }
}
