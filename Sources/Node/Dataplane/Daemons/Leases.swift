import Foundation
import Kit

/// dnsmasq's file of leases: a line each, `expiry MAC-or-IAID address hostname client-id`, and one `duid` line.
struct Leases {
  let path: String

  private var lines: [Substring] {
    guard let bytes = FileManager.default.contents(atPath: path) else { return [] }
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n")
  }

  /// The address a line leases; nil for lines that lease none.
  private static func address(_ line: Substring) -> IPAddress? {
    let words = line.split(separator: " ")
    return words.count >= 4 ? IPAddress(String(words[2])) : nil
  }

  /// Whether the address is leased.
  func has(_ address: IPAddress) -> Bool { lines.contains { Self.address($0) == address } }

  /// Whether an address is leased that is none of `held`.
  func hasStrangers(_ held: Set<IPAddress>) -> Bool {
    lines.contains { line in Self.address(line).map { !held.contains($0) } ?? false }
  }

  /// Drops the leases of all addresses but `held`. dnsmasq must not run. Throws where the file cannot be written.
  func keep(_ held: Set<IPAddress>) throws {
    let kept = lines.filter { line in Self.address(line).map(held.contains) ?? true }
    try StateFile.write(kept.map { $0 + "\n" }.joined(), to: path)
  }
}
