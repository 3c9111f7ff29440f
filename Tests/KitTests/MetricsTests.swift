import Testing

@testable import Kit

struct MetricsTests {
  @Test func aHistogramCountsBelowItsBounds() {
    let histogram = Histogram()
    for nanoseconds in [0, 250_000, 250_001, 3_000_000, 40_000_000_000] { histogram.observe(nanoseconds) }
    var page = MetricsPage()
    page.family("x_seconds", "histogram", "x") { $0.sample([("a", "b")], histogram) }
    let lines = Set(page.text.split(separator: "\n").map(String.init))
    for line in [
      "# TYPE x_seconds histogram", #"x_seconds_bucket{a="b",le="0.00025"} 2"#,
      #"x_seconds_bucket{a="b",le="0.0005"} 3"#,
      #"x_seconds_bucket{a="b",le="0.0025"} 3"#, #"x_seconds_bucket{a="b",le="0.005"} 4"#,
      #"x_seconds_bucket{a="b",le="30"} 4"#, #"x_seconds_bucket{a="b",le="+Inf"} 5"#, #"x_seconds_count{a="b"} 5"#,
    ] { #expect(lines.contains(line), "\(line)\n\(page.text)") }
    #expect(lines.contains { $0.hasPrefix(#"x_seconds_sum{a="b"} 40.0035"#) })
    #expect(histogram.count == 5)
  }

  @Test func countingFromManyTasksLosesNothing() async {
    let (counter, histogram) = (Counter(), Histogram(bounds: [1, 2], unit: 1))
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<8 {
        group.addTask {
          for number in 0..<10_000 {
            counter.add()
            histogram.observe(number % 4)
          }
        }
      }
    }
    #expect(counter.count == 80_000)
    #expect(histogram.read().buckets.map(\.count) == [40_000, 60_000, 80_000])
    #expect(histogram.read().sum == 120_000)
  }

  @Test func labelsAreBounded() {
    let labelled = LabelledMetrics(seriesMax: 3) { Counter() }
    for number in 0..<10 { labelled["name \(number)"].add() }
    labelled["name 1"].add()
    #expect(labelled.all.map(\.value) == ["name 0", "name 1", "name 2", "other"])
    #expect(labelled.all.map(\.metric.count) == [1, 2, 1, 7])
  }
}
