import Kit
import Synchronization
import Testing

struct SlotsAndSecretsTests {
  @Test func neverMoreThanItsSlotsAtOnce() async throws {
    let slots = AsyncSlots(count: 3, waitingMax: 100)
    let state = Mutex((now: 0, most: 0))
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<50 {
        group.addTask {
          try await slots.use {
            state.withLock {
              $0.now += 1
              $0.most = max($0.most, $0.now)
            }
            await Task.yield()
            state.withLock { $0.now -= 1 }
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(state.withLock { $0.most } <= 3)
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
