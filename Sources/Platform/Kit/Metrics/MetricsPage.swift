/// Text in Prometheus' format 0.0.4.
public struct MetricsPage: Sendable {
  /// The type of an answer that carries it.
  public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  public private(set) var text = ""
  private var name = ""

  public init() { text.reserveCapacity(64 * 1024) }

  /// One metric with its samples. `type` is `counter`, `gauge` or `histogram`.
  public mutating func family(
    _ name: String, _ type: String, _ help: String, _ samples: (inout MetricsPage) throws -> Void
  ) rethrows {
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
    self.name = name
    try samples(&self)
  }

  public mutating func sample(_ labels: [(String, String)], _ value: Int) { line("", labels, String(value)) }
  public mutating func sample(_ labels: [(String, String)], _ value: Double) { line("", labels, "\(value)") }

  /// What a histogram has counted, with its buckets and its sum.
  public mutating func sample(_ labels: [(String, String)], _ histogram: Histogram) {
    let read = histogram.read()
    for (bound, count) in read.buckets { line("_bucket", labels + [("le", bound)], String(count)) }
    line("_sum", labels, "\(read.sum)")
    line("_count", labels, String(read.count))
  }

  private mutating func line(_ suffix: String, _ labels: [(String, String)], _ value: String) {
    text += name
    text += suffix
    if !labels.isEmpty {
      text += "{"
      for (place, label) in labels.enumerated() {
        if place > 0 { text += "," }
        text += label.0
        text += "=\""
        text += Self.escaped(label.1)
        text += "\""
      }
      text += "}"
    }
    text += " "
    text += value
    text += "\n"
  }

  private static func escaped(_ text: String) -> String {
    guard text.utf8.contains(where: { $0 == 0x5c || $0 == 0x22 || $0 == 0x0a }) else { return text }
    return text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
  }
}

/// What has something to say on a page of metrics.
public protocol MetricsSource: Sendable {
  /// Writes its families; it must not wait.
  func write(_ page: inout MetricsPage)
}
