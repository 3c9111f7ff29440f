import API
import Kit
import Logging
import Store
import Synchronization

/// Takes requests down: at once into the audit file and a bounded buffer, and from there into the store, many at a
/// time.
final class RequestLog: RequestKeeper {
  /// Requests that may wait for the store; more are dropped and counted.
  static let waitingMax = 10_000
  /// How long a request waits for company before it is written.
  static let gather = Duration.milliseconds(500)
  /// Requests written in one transaction: whoever writes at the same time waits for no more than these.
  static let sliceMax = 64
  /// Requests after which what is too old is dropped.
  static let compactsAfter = 1000

  private struct State {
    var gate = AuditGate()
    var waiting: [AuditRecord] = []
    /// The newest flush: the next one begins when it is over, so that the order is kept.
    var newest: Task<Void, Never>?
    var sinceCompaction = RequestLog.compactsAfter
    var dropped = 0
  }
  private let store: any Store
  private let file: LineFile?
  private let logger: Logger
  private let state = Mutex(State())
  private let wakes: AsyncStream<Void>
  private let wake: AsyncStream<Void>.Continuation

  /// `file` gets each record as a line of JSON; nil keeps them in the store alone.
  init(store: any Store, file: LineFile?, logger: Logger) {
    self.store = store
    self.file = file
    self.logger = logger
    (wakes, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
  }

  /// Requests that could not be kept since this process began: in the store, and in the file.
  var dropped: (store: Int, file: Int) { (state.withLock { $0.dropped }, file?.dropped.count ?? 0) }

  func keep(_ request: AnsweredRequest) {
    if let record = AuditRecord(request) { keep(record) }
  }

  func keep(_ record: AuditRecord) {
    let kept = state.withLock { state in
      let kept = state.gate.take(record, at: .now)
      Self.append(kept, to: &state)
      return kept
    }
    write(kept)
    if !kept.isEmpty { wake.yield() }
  }

  private static func append(_ records: [AuditRecord], to state: inout State) {
    let room = max(0, waitingMax - state.waiting.count)
    state.waiting += records.prefix(room)
    state.dropped += max(0, records.count - room)
  }

  private func write(_ records: [AuditRecord]) {
    guard let file else { return }
    for record in records {
      var json = JSONWriter(capacity: 1024)
      AuditEvent.write(record, to: &json)
      file.append(json.bytes)
    }
  }

  /// Writes what comes until the task is cancelled; `flush` must be called once more after the last request.
  func run() async {
    let wake = wake
    await withDiscardingTaskGroup { group in
      group.addTask {
        // What was only counted is told when its time is over, though nobody asks for anything any more.
        while (try? await Task.sleep(for: .seconds(AuditGate.windowSeconds))) != nil { wake.yield() }
        wake.finish()
      }
      for await _ in wakes {
        guard (try? await Task.sleep(for: Self.gather)) != nil else { break }
        await flush()
      }
      group.cancelAll()
    }
  }

  /// Returns when everything that was recorded before is in the store, or could not be written. With `all` what was
  /// only counted so far is told, too.
  func flush(all: Bool = false) async {
    let counted = state.withLock { state in
      let counted = state.gate.close(at: .now, always: all)
      Self.append(counted, to: &state)
      return counted
    }
    write(counted)
    if all { await file?.flush() }
    let flush = state.withLock { state in
      let before = state.newest
      let batch = state.waiting
      state.waiting = []
      if batch.isEmpty { return before }
      let flush = Task {
        await before?.value
        await store(batch)
      }
      state.newest = flush
      return flush
    }
    await flush?.value
  }

  private func store(_ batch: [AuditRecord]) async {
    var left = batch[...]
    while !left.isEmpty {
      let slice = Array(left.prefix(Self.sliceMax))
      do {
        try await store(slice: slice)
      } catch {
        let waiting = giveBack(left)
        logger.warning("requests could not be taken down", metadata: ["error": "\(error)", "waiting": "\(waiting)"])
        return
      }
      left = left.dropFirst(slice.count)
    }
  }

  private func store(slice: [AuditRecord]) async throws {
    let compacts = state.withLock { state in
      state.sinceCompaction += slice.count
      if state.sinceCompaction < Self.compactsAfter { return false }
      state.sinceCompaction = 0
      return true
    }
    do {
      try await store.write { tx in
        try RequestTable.append(tx, slice)
        if compacts { try RequestTable.compact(tx) }
      }
    } catch let error as StoreError where error.kind == .unstorable {
      // One that can never be stored must not hold up those with it, for ever.
      for record in slice {
        do { try await store.write { try RequestTable.append($0, [record]) } } catch {
          state.withLock { $0.dropped += 1 }
        }
      }
    }
  }

  /// Puts what could not be written before what came since. Returns how many wait.
  private func giveBack(_ left: ArraySlice<AuditRecord>) -> Int {
    state.withLock { state in
      let room = max(0, Self.waitingMax - state.waiting.count)
      state.waiting = left.suffix(room) + state.waiting
      state.dropped += max(0, left.count - room)
      return state.waiting.count
    }
  }
}
