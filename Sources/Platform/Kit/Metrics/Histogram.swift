/// Counts how often a value fell below each of a few fixed bounds. Counting costs three atomic additions, no lock.
public final class Histogram: Sendable {
  /// Bounds of how long things take, in nanoseconds: from 0.25 ms to 30 s.
  public static let durations: [Int] = [
    250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000, 25_000_000, 50_000_000, 100_000_000, 250_000_000,
    500_000_000, 1_000_000_000, 2_500_000_000, 5_000_000_000, 10_000_000_000, 30_000_000_000,
  ]

  private let bounds: [Int]
  /// A bound's number as the page says it: 1 for counts, 1e-9 for nanoseconds that are told as seconds.
  private let unit: Double
  private let cells: [Counter]
  private let sum = Counter()

  /// - Parameters:
  ///   - bounds: growing; what is larger than the last is counted as infinite.
  ///   - unit: what one counted unit is on the page.
  public init(bounds: [Int], unit: Double) {
    self.bounds = bounds
    self.unit = unit
    cells = (0...bounds.count).map { _ in Counter() }
  }

  /// Durations, counted in nanoseconds and told in seconds.
  public convenience init() { self.init(bounds: Self.durations, unit: 1e-9) }

  public func observe(_ value: Int) {
    var place = 0
    while place < bounds.count, value > bounds[place] { place += 1 }
    cells[place].add()
    sum.add(value)
  }

  public func observe(nanoseconds: UInt64) { observe(Int(clamping: nanoseconds)) }

  public func observe(_ duration: Duration) {
    let parts = duration.components
    observe(Int(parts.seconds) &* 1_000_000_000 &+ Int(parts.attoseconds / 1_000_000_000))
  }

  /// How often anything was counted.
  public var count: Int { cells.reduce(0) { $0 + $1.count } }

  func read() -> (buckets: [(bound: String, count: Int)], sum: Double, count: Int) {
    var total = 0
    var buckets: [(bound: String, count: Int)] = []
    for (place, cell) in cells.enumerated() {
      total += cell.count
      buckets.append((place < bounds.count ? Self.text(Double(bounds[place]) * unit) : "+Inf", total))
    }
    return (buckets, Double(sum.count) * unit, total)
  }

  /// `0.0025`, `1`, `30`: without a tail that says nothing.
  private static func text(_ number: Double) -> String {
    // 2_500_000 * 1e-9 is not exactly 0.0025: nine places behind the point are.
    let rounded = (number * 1e9).rounded() / 1e9
    return rounded == rounded.rounded() && abs(rounded) < 1e15 ? String(Int(rounded)) : "\(rounded)"
  }
}
