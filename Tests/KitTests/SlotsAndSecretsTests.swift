import Kit
import Synchronization
import Testing

/// Counts who is inside at once.
private final class Gauge: Sendable {
  private let state = Mutex((now: 0, most: 0))

  var most: Int { state.withLock { $0.most } }

  func enter() {
    state.withLock { state in
      state.now += 1
      state.most = max(state.most, state.now)
    }
  }

  func leave() { state.withLock { $0.now -= 1 } }
}

struct SlotsAndSecretsTests {
  @Test func neverMoreThanItsSlotsAtOnce() async throws {
    let slots = AsyncSlots(count: 3, waitingMax: 100)
    let inside = Gauge()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<50 {
        group.addTask {
          try await slots.use {
            inside.enter()
            await Task.yield()
            inside.leave()
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(inside.most <= 3)
  }

  @Test func refusesWhenTooManyWait() async throws {
    let slots = AsyncSlots(count: 1, waitingMax: 0)
    try await slots.use {
      await #expect(throws: AsyncSlots.Full.self) { try await slots.use {} }
    }
  }

  @Test func secretsDoNotPrint() {
    let secret = Secret("hunter2")
    var dumped = ""
    dump(secret, to: &dumped)
    #expect(!"\(secret) \(String(reflecting: secret)) \(dumped)".contains("hunter2"))
    #expect(secret.reveal() == "hunter2")
  }

  @Test func namesFitAnInterface() {
    let tag = CloudTag(cloudID: "1a2b3c4d-0000-4000-8000-000000000000")
    let name = tag.interface(.tap, "0123456789ab-4000-8000-000000000000")
    #expect(name == "h1a2bt012345678")
    #expect(name.utf8.count <= 15)
  }
}
