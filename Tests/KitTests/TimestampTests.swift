import Kit
import Testing

struct TimestampTests {
  @Test func writesEachServicesForm() {
    let moment = Timestamp(microseconds: 1_785_585_600_000_123)
    #expect(moment.iso8601 == "2026-08-01T12:00:00Z")
    #expect(moment.iso8601Microseconds == "2026-08-01T12:00:00.000123Z")
    #expect(moment.iso8601Naive == "2026-08-01T12:00:00.000123")
  }

  @Test(arguments: [
    ("2026-08-01T12:00:00Z", 1_785_585_600_000_000), ("2026-08-01T14:00:00+02:00", 1_785_585_600_000_000),
    ("2026-08-01 12:00:00.5", 1_785_585_600_500_000), ("2026-08-01", 1_785_542_400_000_000),
  ])
  func readsIso8601(text: String, microseconds: Int64) {
    #expect(Timestamp(iso8601: text)?.microseconds == microseconds)
  }

  @Test(arguments: ["", "yesterday", "2026-13-01", "2026-08-01T25:00", "2026-08-01T12:00:00Zjunk"])
  func refusesWhatIsNoMoment(text: String) { #expect(Timestamp(iso8601: text) == nil) }
}
