/// Servers that need a pass: each at most once in line, at most one pass of each at a time.
struct WorkQueue: Sendable {
  private var line: [String] = []
  private var waiting: Set<String> = []
  private var running: Set<String> = []
  /// Servers whose pass is under way and that need another; true: before all others.
  private var again: [String: Bool] = [:]

  /// Puts a server in line; one whose pass is under way gets another when that ends.
  mutating func add(_ id: String, first: Bool = false) {
    if running.contains(id) {
      again[id] = first || again[id] == true
    } else if waiting.insert(id).inserted {
      line.insert(id, at: first ? 0 : line.endIndex)
    } else if first, let place = line.firstIndex(of: id) {
      line.remove(at: place)
      line.insert(id, at: 0)
    }
  }

  /// The next to work on; nil where none waits or `atOnce` are at work.
  mutating func next(atOnce: Int) -> String? {
    guard running.count < atOnce, !line.isEmpty else { return nil }
    let id = line.removeFirst()
    waiting.remove(id)
    running.insert(id)
    return id
  }

  mutating func finished(_ id: String) {
    running.remove(id)
    if let first = again.removeValue(forKey: id) { add(id, first: first) }
  }
}
