import Store

/// Wakes the streams of the nodes whose manifest changed, and no others: with a thousand nodes connected, a change
/// costs what the node that it concerns costs.
extension NodeStreams {
  /// The pause after a store that could not be read.
  private static var retryPause: Duration { .seconds(1) }

  /// The kind under which the feed tells that a new epoch began: every stream is concerned.
  static var epochKind: String { "epoch" }

  /// Wakes streams until the task is cancelled. `changes` was followed before the first of them was opened.
  func wakeStreams(_ store: any Store, _ changes: AsyncStream<Int64>) async {
    var last = await newest(store)
    // What changed before `last` was known: whoever is open by now looks at it all.
    wakeAll()
    for await _ in changes {
      while let from = last {
        do {
          let page = try await store.read {
            try $0.changes(after: from, kinds: [ManifestTable.changeKind, NodeStreams.epochKind])
          }
          let (next, more) = wake(page)
          last = next
          if !more { break }
        } catch {
          guard !Task.isCancelled else { return }
          last = await newest(store)
          wakeAll()
        }
      }
    }
  }

  /// The newest revision, as soon as the store can be read; nil where the task is cancelled.
  private func newest(_ store: any Store) async -> Int64? {
    while !Task.isCancelled {
      if let revision = try? await store.read({ try $0.newestRevision() }) { return revision }
      try? await Task.sleep(for: Self.retryPause)
    }
    return nil
  }

  private func wake(_ page: ChangePage) -> (last: Int64, more: Bool) {
    switch page {
    case .changes(let changes, let last, let more):
      if changes.contains(where: { $0.kind == Self.epochKind }) {
        wakeAll()
      } else {
        for node in Set(changes.map(\.objectID)) { wake(node) }
      }
      return (last, more)
    case .resync(let last):
      wakeAll()
      return (last, false)
    }
  }
}
