import CSimulation

/// What happened, in order: the last of it in words, all of it in a digest by which two runs are compared.
struct EventLog {
  /// Lines that are kept in words.
  private static let linesMax = 400

  private(set) var digest: UInt64 = 0xcbf2_9ce4_8422_2325
  private(set) var count = 0
  private var lines: [String] = []
  /// Whether every line is printed as it comes.
  var prints = false

  mutating func note(_ text: String) {
    count += 1
    for byte in text.utf8 { digest = (digest ^ UInt64(byte)) &* 0x100_0000_01b3 }
    remark(text)
  }

  /// Words only: what may differ between two runs that are the same.
  mutating func remark(_ text: String) {
    let line = "\(Self.time(simulation_now())) \(text)"
    if prints { print(line) }
    lines.append(line)
    if lines.count > 2 * Self.linesMax { lines.removeFirst(lines.count - Self.linesMax) }
  }

  func last(_ number: Int) -> [String] { Array(lines.suffix(number)) }

  /// Simulated minutes, seconds and milliseconds.
  static func time(_ nanoseconds: Int64) -> String {
    let (seconds, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
    return "\(seconds).\(String(rest / 1_000_000 + 1000).dropFirst())s"
  }
}
