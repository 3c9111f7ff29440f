import Synchronization

/// Metrics of one kind, one for each value of a label. What comes after `seriesMax` values is counted under `other`:
/// whoever can make names must not make memory.
public final class LabelledMetrics<Metric: AnyObject & Sendable>: Sendable {
  /// The value that stands for those too many.
  public static var other: String { "other" }

  private let seriesMax: Int
  private let make: @Sendable () -> Metric
  private let metrics = Mutex<[String: Metric]>([:])

  public init(seriesMax: Int, _ make: @escaping @Sendable () -> Metric) {
    self.seriesMax = seriesMax
    self.make = make
  }

  /// The metric of a value, made where it is new.
  public subscript(value: String) -> Metric {
    metrics.withLock { metrics in
      if let known = metrics[value] { return known }
      let name = metrics.count < seriesMax ? value : Self.other
      let metric = metrics[name] ?? make()
      metrics[name] = metric
      return metric
    }
  }

  /// Every metric with its value, sorted.
  public var all: [(value: String, metric: Metric)] {
    metrics.withLock { $0.map { (value: $0.key, metric: $0.value) } }.sorted { $0.value < $1.value }
  }
}

/// Everything that a process counts, on one page.
public final class MetricsRegistry: Sendable {
  private let sources = Mutex<[any MetricsSource]>([])

  public init() {}

  public func add(_ source: any MetricsSource) { sources.withLock { $0.append(source) } }

  /// The families of every source, in the order in which the sources were added.
  public func write(_ page: inout MetricsPage) {
    for source in sources.withLock({ $0 }) { source.write(&page) }
  }
}
