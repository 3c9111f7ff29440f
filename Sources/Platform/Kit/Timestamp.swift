import Foundation

/// A moment, in microseconds since 1970-01-01T00:00:00Z: what the store keeps and the wire carries.
public struct Timestamp: Sendable, Hashable, Comparable, Codable {
  /// Microseconds since the epoch.
  public var microseconds: Int64

  public init(microseconds: Int64) { self.microseconds = microseconds }

  public init(from decoder: any Decoder) throws {
    microseconds = try decoder.singleValueContainer().decode(Int64.self)
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(microseconds)
  }

  /// The present moment of the host's clock.
  public static func now() -> Timestamp {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
  }

  public static func < (left: Timestamp, right: Timestamp) -> Bool { left.microseconds < right.microseconds }

  /// This moment moved by `seconds`.
  public func adding(seconds: Double) -> Timestamp {
    Timestamp(microseconds: microseconds + Int64(seconds * 1_000_000))
  }

  /// Seconds from `earlier` to this moment.
  public func seconds(since earlier: Timestamp) -> Double {
    Double(microseconds - earlier.microseconds) / 1_000_000
  }

  /// `2026-08-01T12:00:00Z`, as Nova, Neutron and Glance write it.
  public var iso8601: String { format(suffix: "Z") }

  /// `2026-08-01T12:00:00.000000Z`, as Keystone writes it.
  public var iso8601Microseconds: String {
    format(suffix: "." + String((microseconds % 1_000_000 + 1_000_000) % 1_000_000 + 1_000_000).dropFirst() + "Z")
  }

  /// `2026-08-01T12:00:00.000000`, as Nova's actions, services and `OS-SRV-USG` write it.
  public var iso8601Naive: String { String(iso8601Microseconds.dropLast()) }

  /// `YYYY-MM-DDTHH:MM:SS` and `suffix`, digit by digit and without `gmtime`: a list of servers writes thousands of
  /// them. Years have four digits.
  private func format(suffix: String) -> String {
    let seconds = microseconds / 1_000_000 - (microseconds % 1_000_000 < 0 ? 1 : 0)
    let day = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
    let second = Int(seconds - day * 86_400)
    let date = Self.date(ofDay: Int(day))
    return String(unsafeUninitializedCapacity: 19 + suffix.utf8.count) { bytes in
      var end = 0
      func put(_ value: Int, _ width: Int, _ separator: UInt8?) {
        var rest = value
        for place in stride(from: end + width - 1, through: end, by: -1) {
          bytes[place] = UInt8(ascii: "0") + UInt8(rest % 10)
          rest /= 10
        }
        end += width
        guard let separator else { return }
        bytes[end] = separator
        end += 1
      }
      put(date.year, 4, UInt8(ascii: "-"))
      put(date.month, 2, UInt8(ascii: "-"))
      put(date.day, 2, UInt8(ascii: "T"))
      put(second / 3600, 2, UInt8(ascii: ":"))
      put(second / 60 % 60, 2, UInt8(ascii: ":"))
      put(second % 60, 2, nil)
      for byte in suffix.utf8 {
        bytes[end] = byte
        end += 1
      }
      return end
    }
  }

  /// The date of a day counted from 1970-01-01, by the proleptic Gregorian calendar. Years begin in March here, so that
  /// a leap day is the last of its year, and 400 of them are always 146,097 days.
  private static func date(ofDay day: Int) -> (year: Int, month: Int, day: Int) {
    let shifted = day + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let month = (5 * dayOfYear + 2) / 153
    let dayOfMonth = dayOfYear - (153 * month + 2) / 5 + 1
    let january = month >= 10
    return (era * 400 + yearOfEra + (january ? 1 : 0), january ? month - 9 : month + 3, dayOfMonth)
  }

  /// Reads ISO 8601 with or without fraction and zone (no zone means UTC); nil where it is something else.
  public init?(iso8601 text: String) {
    var rest = Substring(text)
    func number(_ digits: Int) -> Int? {
      guard rest.utf8.count >= digits, let value = Int(rest.prefix(digits)) else { return nil }
      rest = rest.dropFirst(digits)
      return value
    }
    func skip(_ characters: Set<Character>) -> Bool {
      guard let first = rest.first, characters.contains(first) else { return false }
      rest = rest.dropFirst()
      return true
    }
    guard let year = number(4), skip(["-"]), let month = number(2), skip(["-"]), let day = number(2),
      (1...12).contains(month), (1...31).contains(day)
    else { return nil }
    var hour = 0
    var minute = 0
    var second = 0
    var fraction = 0
    var zone = 0
    if skip(["T", " "]) {
      guard let h = number(2), skip([":"]), let m = number(2), h < 24, m < 60 else { return nil }
      (hour, minute) = (h, m)
      if skip([":"]) {
        guard let s = number(2), s < 61 else { return nil }
        second = s
      }
      if skip(["."]) {
        let digits = rest.prefix(while: \.isNumber)
        guard !digits.isEmpty, let value = Int((digits + "000000").prefix(6)) else { return nil }
        fraction = value
        rest = rest.dropFirst(digits.count)
      }
      if !skip(["Z"]), let sign = rest.first, sign == "+" || sign == "-" {
        rest = rest.dropFirst()
        guard let h = number(2) else { return nil }
        _ = skip([":"])
        zone = (h * 3600 + (number(2) ?? 0) * 60) * (sign == "-" ? -1 : 1)
      }
    }
    guard rest.isEmpty else { return nil }
    var parts = tm()
    parts.tm_year = Int32(year - 1900)
    parts.tm_mon = Int32(month - 1)
    parts.tm_mday = Int32(day)
    parts.tm_hour = Int32(hour)
    parts.tm_min = Int32(minute)
    parts.tm_sec = Int32(second)
    microseconds = Int64(timegm(&parts) - zone) * 1_000_000 + Int64(fraction)
  }
}
