import NodeLink
import Simulation
import Synchronization

/// Blows of fate, one after another, until the faults stop.
struct Fate {
  let world: World

  func live() async {
    while world.usersAreThere {
      let milliseconds = world.plan.blowEvery * 1000
      guard (try? await world.pause(milliseconds: milliseconds / 10...2 * milliseconds)) != nil else { return }
      guard world.troubled, world.plan.faults else { continue }
      strike()
      Invariants(world).all()
    }
  }

  private func strike() {
    let host = world.hosts[world.dice.of(0...world.hosts.count - 1)]
    switch world.dice.of(0...99) {
    case 0..<16: world.agentDies(host, "by fate")
    case 16..<24: world.powerFails(host)
    case 24..<34: part(host, stalls: false)
    case 34..<42: part(host, stalls: true)
    case 42..<46: partMany()
    case 46..<56: world.controlDies()
    case 56..<66: storeFallsIll()
    case 66..<72: shake(host)
    case 72..<82: meddleWithGuest(host)
    case 82..<92: meddleWithNetwork(host)
    case 92..<96: slowDown(host)
    default: stepClock()
    }
  }

  private func later(_ seconds: ClosedRange<Int>, _ body: @escaping @Sendable () -> Void) {
    Task.detached { [world] in
      try? await world.pause(seconds: seconds)
      body()
    }
  }

  private func part(_ host: SimulatedHost, stalls: Bool) {
    world.note("\(host.name) is \(stalls ? "out of reach" : "cut off")")
    world.count("partition")
    if stalls { host.wire.stall() } else { host.wire.cut() }
    later(1...60) { [world] in
      world.note("\(host.name) can be reached again")
      host.wire.mend()
    }
  }

  private func partMany() {
    for host in world.hosts where world.dice.chance(300) { part(host, stalls: world.dice.chance(500)) }
  }

  private func storeFallsIll() {
    guard !world.storeIsIll else { return }
    world.note("the store is ill")
    world.count("store ill")
    world.storeIsIll = true
    later(2...20) { [world] in
      world.note("the store is well")
      world.storeIsIll = false
    }
  }

  private func shake(_ host: SimulatedHost) {
    world.note("\(host.name) is shaky")
    world.shaky.insert(host.number)
    later(10...60) { [world] in world.shaky.remove(host.number) }
  }

  private func slowDown(_ host: SimulatedHost) {
    world.note("\(host.name)'s guests do not hear the power button")
    host.hypervisor.set { $0.obeysPowerButton = false }
    later(10...60) { host.hypervisor.set { $0.obeysPowerButton = true } }
  }

  /// A guest ends by itself, or an operator's hand changes it.
  private func meddleWithGuest(_ host: SimulatedHost) {
    guard let guest = host.running.randomElement(using: &world.dice) else { return }
    world.meddled(with: guest.id)
    switch world.dice.of(0...3) {
    case 0:
      world.note("a guest on \(host.name) shuts down")
      host.hypervisor.happen(guest.id, .stopped)
    case 1:
      world.note("a guest on \(host.name) crashes")
      host.hypervisor.happen(guest.id, .crashed, "crashed")
    case 2:
      world.note("a guest on \(host.name) is paused by hand")
      host.hypervisor.happen(guest.id, .paused, "user")
    default:
      world.note("a guest on \(host.name) is undefined by hand")
      host.hypervisor.undefineByHand(guest.id)
    }
  }

  private func meddleWithNetwork(_ host: SimulatedHost) {
    let standing = host.dataplane.state.withLock { $0.standing.sorted { $0.description < $1.description } }
    guard let key = standing.randomElement(using: &world.dice) else { return }
    world.note("somebody takes a \(key.kind) of \(host.name) away")
    world.count("meddled with network")
    host.dataplane.takeAway(key)
  }

  private func stepClock() {
    let seconds = world.dice.of(-3600...3600)
    world.note("the wall clock is stepped by \(seconds) s")
    world.count("clock stepped")
    world.stepWall(seconds: seconds)
  }
}
