import Foundation
import Kit
import NodeLink
import Store
import Synchronization
import Testing

/// A seeded source of chance, so that a run can be repeated.
struct Dice: RandomNumberGenerator, Sendable {
  private var state: UInt64
  init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }
  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }
  mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }
}

/// A node that does what its manifest asks, with delays, refusals, meddling hands, and words that come too late. It
/// keeps what a real one would: nothing of a server goes without a tombstone, and a card goes only when asked.
final class PlayedNode: Sendable {
  private struct Guest: Sendable {
    var generation: Int64 = 0
    var spec: ServerSpec?
    var tombstone = false
    var power = ServerObservation.Power.absent
    var bootEpoch = 0
    var diskID: String?
    var portIDs: [String] = []
    var operation: ServerObservation.OperationResult?
    var condition: Condition?
    var gone = false
    var ranEpoch: Int?
  }

  private struct State: Sendable {
    var dice: Dice
    var guests: [String: Guest] = [:]
    /// Words that were said once and may be heard again.
    var old: [Observation] = []
  }

  private let cloud: Fixture
  private let state: Mutex<State>

  init(_ cloud: Fixture, seed: UInt64) {
    self.cloud = cloud
    state = Mutex(State(dice: Dice(seed: seed)))
  }

  /// One thing that a node may do next; `calm`: only what brings it nearer to what is asked.
  func act(calm: Bool = false) async throws {
    try await takeManifest(all: calm)
    let observations = state.withLock { state -> [Observation] in
      var said: [Observation] = []
      for id in state.guests.keys.sorted() where calm || state.dice.chance(50) {
        guard var guest = state.guests[id] else { continue }
        if !calm { Self.meddle(&guest, &state.dice) }
        Self.converge(&guest, &state.dice, calm: calm)
        state.guests[id] = guest
        said.append(Self.word(id, guest))
      }
      if !calm, let late = state.old.randomElement(using: &state.dice), state.dice.chance(30) {
        // Older than what it said since: of another generation.
        if let now = state.guests[late.key.id], late.generation < now.generation { said.append(late) }
      }
      state.old = Array((state.old + said).suffix(40))
      return said
    }
    try await cloud.report(observations)
    // Control has heard that it is gone.
    state.withLock { state in state.guests = state.guests.filter { !$0.value.gone } }
  }

  private func takeManifest(all: Bool) async throws {
    let rows = try await cloud.store.read { tx in
      try tx.query("SELECT object_id, generation, spec, tombstone FROM manifest WHERE kind = 'server'") {
        ($0.text(0), Int64($0.int(1)), $0.text(2), $0.bool(3))
      }
    }
    for (id, generation, text, tombstone) in rows {
      guard case .server(let spec) = try JSONDecoder().decode(ObjectSpec.self, from: Data(text.utf8)) else { continue }
      state.withLock { state in
        guard all || state.dice.chance(70) else { return }
        var guest = state.guests[id] ?? Guest()
        guard generation > guest.generation else { return }
        (guest.generation, guest.spec, guest.tombstone, guest.condition) = (generation, spec, tombstone, nil)
        state.guests[id] = guest
      }
    }
  }

  /// Hands behind the cloud's back, and a guest's own will.
  private static func meddle(_ guest: inout Guest, _ dice: inout Dice) {
    guard guest.power == .running, dice.chance(12) else { return }
    switch Int.random(in: 0..<4, using: &dice) {
    case 0:
      (guest.power, guest.portIDs) = (.crashed, [])
      guest.ranEpoch = nil
    case 1:
      (guest.power, guest.portIDs) = (.stopped, [])
      guest.ranEpoch = nil
    case 2: (guest.power, guest.portIDs) = (.stopped, [])
    default: guest.power = .paused
    }
  }

  private static func converge(_ guest: inout Guest, _ dice: inout Dice, calm: Bool) {
    guard let spec = guest.spec else { return }
    if guest.tombstone {
      if !calm, dice.chance(40) { return fail(&guest, "DestroyFailed") }
      guest.gone = true
      return
    }
    if !calm, dice.chance(15) {
      return fail(
        &guest,
        ["BootFailed", "AttachFailed", "DetachFailed", "BaseImageUnavailable"].randomElement(using: &dice) ?? "")
    }
    guest.condition = nil
    settleOperation(&guest, spec, &dice)
    switch spec.power {
    case .stopped: if guest.power != .absent { (guest.power, guest.portIDs, guest.ranEpoch) = (.stopped, [], nil) }
    case .running: run(&guest, spec)
    }
  }

  private static func run(_ guest: inout Guest, _ spec: ServerSpec) {
    let active = guest.power == .running || guest.power == .paused
    if guest.power == .stopped, guest.ranEpoch == spec.bootEpoch {
      guest.condition = Condition(
        type: "PoweredOff", message: "The guest powered itself off.", since: .now(), attempts: 0)
    } else if !active || guest.bootEpoch < spec.bootEpoch {
      guest.diskID = spec.rootDisk.id
      (guest.power, guest.bootEpoch, guest.ranEpoch) = (.running, spec.bootEpoch, spec.bootEpoch)
      guest.portIDs = spec.nics.map(\.portID)
    } else if guest.power == .paused {
      guest.condition = Condition(type: "GuestPaused", message: "The guest is paused.", since: .now(), attempts: 0)
    } else {
      guest.portIDs = spec.nics.map(\.portID)
    }
  }

  private static func settleOperation(_ guest: inout Guest, _ spec: ServerSpec, _ dice: inout Dice) {
    guard let asked = spec.operation, guest.operation?.id != asked.id || guest.operation?.outcome == .begun else {
      return
    }
    let ends: [ServerObservation.OperationResult.Outcome] = [.begun, .done, .done, .failed, .unknown]
    let outcome = guest.power == .running ? ends.randomElement(using: &dice) ?? .done : .failed
    guest.operation = .init(id: asked.id, outcome: outcome, message: nil)
  }

  private static func fail(_ guest: inout Guest, _ type: String) {
    let attempts = guest.condition?.type == type ? (guest.condition?.attempts ?? 0) + 2 : 1
    guest.condition = Condition(type: type, message: "It is \(type).", since: .now(), attempts: attempts)
  }

  private static func word(_ id: String, _ guest: Guest) -> Observation {
    Observation(
      key: ObjectKey(.server, id), generation: guest.generation, ready: guest.condition == nil, removed: guest.gone,
      server: ServerObservation(
        power: guest.gone ? .absent : guest.power, bootEpoch: guest.bootEpoch, rootDiskID: guest.diskID, step: nil,
        portIDs: guest.portIDs, operation: guest.operation), condition: guest.condition)
  }

  /// Ports whose cards guests hold at this moment.
  var heldPorts: [String: String] {
    state.withLock { state in
      var held: [String: String] = [:]
      for (id, guest) in state.guests where guest.power == .running || guest.power == .paused {
        for port in guest.portIDs { held[port] = id }
      }
      return held
    }
  }
}
