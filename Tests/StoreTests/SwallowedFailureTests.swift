import Foundation
import StoreFixture
import Testing

@testable import Store

/// A closure that goes on after a statement of its own failed.
struct SwallowedFailureTests {
  /// What is answered is there, and what was not its own is nobody's failure: whatever the engine makes of it.
  @Test(arguments: StoreEngineKind.allCases) func itTakesNobodyDownWithIt(_ engine: StoreEngineKind) async throws {
    let store = try await Shelf(engine).store
    try await store.write { try $0.execute("INSERT INTO thing (id) VALUES ('there')") }
    // All are committed together: the first holds the writer until the others wait.
    let (began, goOn) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    let holding = Task {
      try await store.write { _ in
        began.signal()
        goOn.wait()
      }
    }
    await StoreTests.wait(for: began)
    let careless = Task { () -> Bool in
      do {
        try await store.write { tx in
          try tx.execute("INSERT INTO thing (id) VALUES ('careless')")
          _ = try? tx.execute("INSERT INTO thing (id) VALUES ('there')")
        }
        return true
      } catch { return false }
    }
    try await Task.sleep(for: .milliseconds(300))
    let neighbours = (0..<3).map { number in
      Task { try await store.write { try $0.execute("INSERT INTO thing (id) VALUES (\("n\(number)"))") } }
    }
    try await Task.sleep(for: .milliseconds(300))
    goOn.signal()
    try await holding.value
    for neighbour in neighbours { _ = try await neighbour.value }
    let isAnswered = await careless.value
    let ids = try await store.read { try $0.query("SELECT id FROM thing ORDER BY id") { $0.text(0) } }
    #expect(ids.contains("careless") == isAnswered)
    #expect(ids.filter { $0.hasPrefix("n") } == ["n0", "n1", "n2"])
  }
}
