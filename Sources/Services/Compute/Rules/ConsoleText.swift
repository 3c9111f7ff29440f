/// Makes text of what a guest wrote on its console. The guest is hostile: what could steer a terminal or hide in a
/// page is dropped; a browser must still treat the rest as text.
enum ConsoleText {
  /// The last `lines` lines (nil or negative: all); invalid UTF-8 is replaced, control characters but tab and newline
  /// are dropped, and with them the sequences they begin.
  static func clean(_ bytes: [UInt8], lines: Int?) -> String {
    var text = String.UnicodeScalarView()
    var rest = String(decoding: bytes, as: UTF8.self).unicodeScalars[...]
    while let scalar = rest.popFirst() {
      switch scalar.value {
      case 0x1b: skipEscape(&rest)
      case 0x0a, 0x09: text.append(scalar)
      case 0..<0x20, 0x7f..<0xa0: continue
      // Marks that turn the direction of what follows.
      case 0x202a...0x202e, 0x2066...0x2069: continue
      default: text.append(scalar)
      }
    }
    return last(lines, of: String(text))
  }

  /// `ESC [ … letter` and the two-character sequences.
  private static func skipEscape(_ rest: inout Substring.UnicodeScalarView) {
    guard let next = rest.popFirst(), next == "[" else { return }
    while let scalar = rest.popFirst() { if (0x40...0x7e).contains(scalar.value) { return } }
  }

  private static func last(_ lines: Int?, of text: String) -> String {
    guard let lines, lines >= 0 else { return text }
    if lines == 0 { return "" }
    var parts = text.split(separator: "\n", omittingEmptySubsequences: false)
    let ended = parts.last?.isEmpty == true
    if ended { parts.removeLast() }
    return parts.suffix(lines).joined(separator: "\n") + (ended ? "\n" : "")
  }
}
