import Kit

/// Plain text for people, at most `width` columns wide.
struct TextPage {
  static let width = 100
  /// Columns of a label.
  private static let labelWidth = 16

  private(set) var lines: [String] = []

  var text: String { lines.map { $0 + "\n" }.joined() }

  /// A text from the left margin; where it is long it goes on `hang` columns further in than it began.
  mutating func line(_ text: String, hang: Int = 0) { lines += Self.wrapped(text, indent: 0, hang: hang) }

  mutating func blank() { if lines.last?.isEmpty == false { lines.append("") } }

  /// A heading, with what belongs on its line.
  mutating func section(_ title: String, _ text: String = "") {
    blank()
    row(title, text)
  }

  /// A label and a text behind it, which goes on below itself where it is long.
  mutating func row(_ label: String, _ text: String) {
    let shown = Self.clean(label)
    let label = shown.count < Self.labelWidth ? shown.padded(Self.labelWidth) : shown + " "
    let lines = Self.wrapped(text, indent: Self.labelWidth)
    guard let first = lines.first else { return self.lines.append(shown) }
    self.lines.append(Self.trimmed(label + first.dropFirst(Self.labelWidth)))
    self.lines += lines.dropFirst()
  }

  /// A text below a section's title.
  mutating func item(_ text: String, deeper: Int = 0) { lines += Self.wrapped(text, indent: Self.labelWidth + deeper) }

  /// The text's words on lines of at most `width` columns: the first one stands as far in as its own blanks say, the
  /// others `hang` further. Words that are longer than a line stand alone.
  private static func wrapped(_ text: String, indent: Int, hang: Int = 0) -> [String] {
    let text = clean(text)
    let blanks = indent + text.prefix { $0 == " " }.count
    let words = text.drop { $0 == " " }.split(separator: " ", omittingEmptySubsequences: false)
    guard let first = words.first else { return [] }
    var lines: [String] = []
    var line = String(repeating: " ", count: blanks) + first
    var begins = false
    for word in words.dropFirst() {
      if line.count + 1 + word.count > width {
        lines.append(trimmed(line))
        line = String(repeating: " ", count: blanks + hang)
        begins = true
      }
      if begins, word.isEmpty { continue }
      line += begins ? String(word) : " " + word
      begins = false
    }
    return lines + [trimmed(line)]
  }

  private static func trimmed(_ text: String) -> String {
    var text = text
    while text.last == " " { text.removeLast() }
    return text
  }

  /// Without control characters: names are users' text, and a terminal obeys what it is shown.
  static func clean(_ text: String) -> String {
    String(
      String.UnicodeScalarView(
        text.unicodeScalars.map { scalar in
          let isControl = scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value)
          return isControl || scalar.properties.generalCategory == .format ? " " : scalar
        }))
  }
}

extension String {
  /// With blanks behind, up to a width.
  func padded(_ width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}

/// Times as people read them.
enum Clock {
  /// `2026-08-01 12:00:00Z, 3 min ago`.
  static func at(_ time: Timestamp, now: Timestamp) -> String {
    "\(time.iso8601.replacing("T", with: " ")), \(ago(time, now: now))"
  }

  /// `3 min ago`.
  static func ago(_ time: Timestamp, now: Timestamp) -> String {
    let seconds = now.seconds(since: time)
    if abs(seconds) < 0.001 { return "now" }
    return seconds < 0 ? "in \(span(-seconds))" : "\(span(seconds)) ago"
  }

  /// `12:00:00.123` of the day.
  static func ofDay(_ time: Timestamp) -> String {
    String(time.iso8601Microseconds.dropFirst(11).prefix(12))
  }

  static func span(_ seconds: Double) -> String {
    switch seconds {
    case ..<0.001: "0 ms"
    case ..<1: "\(Int(seconds * 1000)) ms"
    case ..<10: "\(Int(seconds)).\(Int(seconds * 10) % 10) s"
    case ..<120: "\(Int(seconds)) s"
    case ..<7200: "\(Int(seconds / 60)) min"
    case ..<172_800: "\(Int(seconds / 3600)) h"
    default: "\(Int(seconds / 86400)) days"
    }
  }
}
