import Kit
import Testing

@testable import Converge

struct ConvergerMeterTests {
  private struct Failure: Error {}

  private struct Fixed: Converger {
    let fails: Bool
    var name: String { fails ? "test.bad" : "test.good" }
    var interval: Duration { .seconds(7) }
    var followsChanges: Bool { !fails }
    func step() async throws { if fails { throw Failure() } }
  }

  @Test func passesAreCountedAndTheConvergerStaysWhatItWas() async throws {
    let meter = ConvergerMeter()
    let good = meter.counting(Fixed(fails: false))
    let bad = meter.counting(Fixed(fails: true))
    #expect(good.name == "test.good" && good.interval == .seconds(7) && good.followsChanges && !bad.followsChanges)
    for _ in 0..<3 { try await good.step() }
    await #expect(throws: Failure.self) { try await bad.step() }
    var page = MetricsPage()
    meter.write(&page)
    for line in [
      #"haneul_converger_pass_seconds_count{converger="test.good"} 3"#,
      #"haneul_converger_pass_seconds_count{converger="test.bad"} 1"#,
      #"haneul_converger_failed_total{converger="test.bad"} 1"#,
      #"haneul_converger_failed_total{converger="test.good"} 0"#, #"haneul_converger_running{converger="test.bad"} 0"#,
    ] { #expect(page.text.contains(line + "\n"), "\(line)\n\(page.text)") }
    // Who never succeeded is as old as the process; who did is younger.
    func age(_ name: String) -> Double? {
      page.text.split(separator: "\n")
        .first { $0.hasPrefix("haneul_converger_success_age_seconds{converger=\"\(name)\"}") }
        .flatMap { Double($0.split(separator: " ")[1]) }
    }
    let (young, old) = (try #require(age("test.good")), try #require(age("test.bad")))
    #expect(young < old)
  }
}
