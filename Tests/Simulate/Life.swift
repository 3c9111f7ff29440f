/// One life of a process: control's or an agent's. A process that was killed does nothing any more: whatever its tasks
/// still try, they are told that they are gone.
///
/// `@unchecked Sendable`: everything of the simulation runs on its one thread.
final class Life: @unchecked Sendable {
  struct Over: Error {}

  private(set) var isOver = false
  private var farewells: [() -> Void] = []

  func check() throws { if isOver { throw Over() } }

  /// Ends it; what was to happen then happens now, once.
  func end() {
    guard !isOver else { return }
    isOver = true
    for farewell in farewells { farewell() }
    farewells = []
  }

  func atEnd(_ body: @escaping () -> Void) { if isOver { body() } else { farewells.append(body) } }
}
