/// Servers that need a pass: each at most once in line, at most one pass of each at a time, `atOnce` in all.
struct WorkQueue: Sendable {
  let atOnce: Int
  private var line: [String] = []
  private var waiting: Set<String> = []
  private var running: Set<String> = []
  private var again: Set<String> = []

  init(atOnce: Int) { self.atOnce = atOnce }

  /// Puts a server in line; one whose pass is under way gets another when that ends.
  mutating func add(_ id: String, first: Bool = false) {
    if running.contains(id) {
      again.insert(id)
    } else if waiting.insert(id).inserted {
      line.insert(id, at: first ? 0 : line.endIndex)
    }
  }

  /// The next to work on; nil where none waits or enough are at work.
  mutating func next() -> String? {
    guard running.count < atOnce, !line.isEmpty else { return nil }
    let id = line.removeFirst()
    waiting.remove(id)
    running.insert(id)
    return id
  }

  mutating func finished(_ id: String) {
    running.remove(id)
    if again.remove(id) != nil { add(id) }
  }
}
