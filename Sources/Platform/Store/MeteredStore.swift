public import Kit
import Synchronization

/// A store that counts and times what is asked of it, whatever its engine, and tells a traced request of each of its
/// transactions.
public struct MeteredStore: Store {
  private let inner: any Store
  private let meter: StoreMeter

  public init(_ inner: any Store, meter: StoreMeter) {
    self.inner = inner
    self.meter = meter
    meter.follow((inner as? any BatchingStore)?.batches)
  }

  public var feed: ChangeFeed { inner.feed }
  public func commits(to family: String) -> UInt64? { inner.commits(to: family) }

  /// A transaction's value, and when its closure began and ended, in nanoseconds since it was asked for.
  private struct Timed<T: Sendable>: Sendable {
    var value: T
    var began: UInt64
    var ended: UInt64
  }

  public func read<T: Sendable>(_ body: @escaping @Sendable (Transaction) throws -> T) async throws -> T {
    try await measure(meter.reads, "store.read", body) { try await inner.read($0) }
  }

  @discardableResult
  public func write<T: Sendable>(_ body: @escaping @Sendable (Transaction) throws -> T) async throws -> T {
    try await measure(meter.writes, "store.write", body) { try await inner.write($0) }
  }

  private func measure<T: Sendable>(
    _ kind: StoreMeter.Kind, _ name: String, _ body: @escaping @Sendable (Transaction) throws -> T,
    _ run: (@escaping @Sendable (Transaction) throws -> Timed<T>) async throws -> Timed<T>
  ) async throws -> T {
    let watch = Stopwatch()
    kind.inFlight.add(1)
    defer { kind.inFlight.add(-1) }
    do {
      let timed = try await run { tx in
        let began = watch.nanoseconds
        let value = try body(tx)
        return Timed(value: value, began: began, ended: watch.nanoseconds)
      }
      let whole = watch.nanoseconds
      kind.waiting.observe(nanoseconds: timed.began)
      kind.running.observe(nanoseconds: timed.ended - timed.began)
      kind.whole.observe(nanoseconds: whole)
      if let span = RequestScope.current?.span {
        tell(span, name, whole, [("wait_us", timed.began), ("run_us", timed.ended - timed.began)])
      }
      return timed.value
    } catch {
      kind.failed(error)
      if let span = RequestScope.current?.span {
        tell(span, name, watch.nanoseconds, [], error: StoreMeter.Kind.word(error))
      }
      throw error
    }
  }

  private func tell(
    _ parent: RequestSpan, _ name: String, _ nanoseconds: UInt64, _ times: [(String, UInt64)], error: String? = nil
  ) {
    let ended = Timestamp.now()
    let began = Timestamp(microseconds: ended.microseconds - Int64(nanoseconds / 1000))
    parent.add(
      Span(
        context: parent.context.child(), parentID: parent.context.spanID, name: name, began: began, ended: ended,
        attributes: times.map { ($0.0, .number(Int($0.1 / 1000))) }, error: error))
  }
}

/// A store that commits writes together, and counts how many each time.
protocol BatchingStore {
  var batches: Histogram { get }
}

/// What a store's users waited for, and what became of it.
public final class StoreMeter: MetricsSource {
  /// Reads, or writes.
  final class Kind: Sendable {
    let name: String
    /// Asked for and not answered yet: those that wait, and those that run.
    let inFlight = Gauge()
    /// Until the closure began.
    let waiting = Histogram()
    /// Inside of the closure.
    let running = Histogram()
    /// Until it was answered; of a write that is until it was durable.
    let whole = Histogram()
    let errors = LabelledMetrics(seriesMax: 32) { Counter() }

    init(_ name: String) { self.name = name }

    func failed(_ error: any Error) { errors[Self.word(error)].add() }

    /// The store's own kind; whatever else a closure throws undoes its transaction on purpose.
    static func word(_ error: any Error) -> String { (error as? StoreError).map { "\($0.kind)" } ?? "refused" }
  }

  let reads = Kind("read")
  let writes = Kind("write")
  private let batches = Mutex<Histogram?>(nil)

  public init() {}

  func follow(_ batches: Histogram?) { self.batches.withLock { $0 = batches } }

  public func write(_ page: inout MetricsPage) {
    let kinds = [reads, writes]
    func each(_ name: String, _ help: String, _ histogram: (Kind) -> Histogram) {
      page.family(name, "histogram", help) { page in
        for kind in kinds { page.sample([("kind", kind.name)], histogram(kind)) }
      }
    }
    each("haneul_store_transaction_seconds", "How long transactions took until they were answered.") { $0.whole }
    each("haneul_store_wait_seconds", "How long transactions waited until they began.") { $0.waiting }
    each("haneul_store_run_seconds", "How long transactions ran, without COMMIT.") { $0.running }
    if let batches = batches.withLock({ $0 }) {
      page.family("haneul_store_commit_writes", "histogram", "Writes that were committed together.") {
        $0.sample([], batches)
      }
    }
    page.family("haneul_store_in_flight", "gauge", "Transactions that wait or run.") { page in
      for kind in kinds { page.sample([("kind", kind.name)], kind.inFlight.number) }
    }
    page.family(
      "haneul_store_failed_total", "counter", "Transactions that were not kept, by why; refused is a rule's own no."
    ) { page in
      for kind in kinds {
        for (why, counter) in kind.errors.all { page.sample([("kind", kind.name), ("error", why)], counter.count) }
      }
    }
  }
}
