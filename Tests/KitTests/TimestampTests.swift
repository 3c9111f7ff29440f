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

  /// Days are counted out here, so a day in each month of four centuries and more is read back.
  @Test func everyDateReadsBack() {
    for year in [1601, 1900, 1969, 1970, 1972, 1999, 2000, 2023, 2024, 2100, 2400, 9999] {
      for month in 1...12 {
        for (day, time) in [(1, "00:00:00"), (28, "23:59:59"), (month == 2 ? 28 : 30, "12:34:56")] {
          let two = { (value: Int) in String(100 + value).dropFirst() }
          let text = "\(year)-\(two(month))-\(two(day))T\(time)Z"
          #expect(Timestamp(iso8601: text)?.iso8601 == text)
        }
      }
    }
    #expect(Timestamp(iso8601: "2024-02-29T00:00:00Z")?.iso8601 == "2024-02-29T00:00:00Z")
    #expect(Timestamp(microseconds: -1).iso8601Microseconds == "1969-12-31T23:59:59.999999Z")
  }

  @Test(arguments: ["", "yesterday", "2026-13-01", "2026-08-01T25:00", "2026-08-01T12:00:00Zjunk"])
  func refusesWhatIsNoMoment(text: String) { #expect(Timestamp(iso8601: text) == nil) }
}
