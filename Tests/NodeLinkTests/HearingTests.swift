import Kit
import Store
import Synchronization
import Testing

@testable import NodeLink

@Suite struct HearingTests {
  @Test func silenceIsCountedByThisProcessAlone() {
    let now = Mutex(SuspendingClock.now)
    let hearing = NodeHearing { now.withLock { $0 } }
    func wait(_ seconds: Int) { now.withLock { $0 = $0.advanced(by: .seconds(seconds)) } }
    wait(20)
    // Never heard: the time since control began, so that a restart gives every node its time.
    #expect(hearing.silence(of: "a") == .seconds(20))
    hearing.heard("a")
    wait(29)
    #expect(hearing.silence(of: "a") == .seconds(29))
    #expect(hearing.silence(of: "b") == .seconds(49))
  }

  /// The host's clock is stepped, here by writing what it would have said: nobody is silent for it.
  @Test func aSteppedClockDeclaresNobodyDown() async throws {
    let fixture = try await LinkFixture()
    let server = fixture.server()
    try await server.take(Report(nodeID: fixture.node, facts: .example, observations: [], events: []))
    for hours in [-5.0, 5.0] {
      let other = Timestamp.now().adding(seconds: hours * 3600)
      try await fixture.store.write { try $0.execute("UPDATE node SET last_seen = \(other)") }
      try await server.markSilent()
      let node = try await fixture.store.read { [id = fixture.node] tx in try NodeTable.find(tx, id) }
      #expect(node?.up == true)
    }
  }

  @Test func aStepIsToldFromTimeThatPasses() {
    let (wall, steady) = (Timestamp(microseconds: 1_800_000_000_000_000), SuspendingClock.now)
    var watch = ClockWatch(wall: wall, steady: steady)
    func look(_ wallSeconds: Double, _ steadySeconds: Double) -> Double? {
      watch.look(wall: wall.adding(seconds: wallSeconds), steady: steady.advanced(by: .seconds(steadySeconds)))
    }
    #expect(look(1, 1) == nil)
    // A process that was stopped, or slept, for a minute: both clocks moved.
    #expect(look(61, 61) == nil)
    #expect(look(62.5, 62) == nil)
    #expect(look(3662.5, 62) == 3600)
    #expect(look(3663.5, 63) == nil)
    #expect(look(64, 63.5).map { Int($0) } == -3600)
    #expect(look(65, 64.5) == nil)
  }

  @Test func aSteppedClockMakesWhatWasHeardNew() async throws {
    let fixture = try await LinkFixture()
    let server = fixture.server()
    for node in [fixture.node, "down"] {
      try await server.take(Report(nodeID: node, facts: .example, observations: [], events: []))
    }
    let old = Timestamp.now().adding(seconds: -3600)
    try await fixture.store.write { tx in
      try tx.execute("UPDATE node SET last_seen = \(old)")
      try NodeTable.markDown(tx, "down", lastSeen: old)
    }
    fixture.observer.reports.withLock { $0 = [] }
    try await server.hearAgain()
    #expect(fixture.observer.reports.withLock { $0.map(\.nodeID) } == [fixture.node])
    let nodes = try await fixture.store.read { try NodeTable.all($0) }
    #expect(nodes.first { $0.id == "down" }?.up == false)
    #expect(nodes.first { $0.id == "down" }?.lastSeen == old)
    #expect(nodes.first { $0.id == fixture.node }.map { $0.lastSeen > old } == true)
  }
}
