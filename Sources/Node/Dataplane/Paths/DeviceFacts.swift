import Foundation
import Kit

/// One device as the kernel's own files show it: cheap enough to be asked for a question's sake.
struct DeviceFacts: Sendable {
  var up: Bool
  /// Whether somebody is at the other end: QEMU, for a tap.
  var carrier: Bool
  var mtu: Int
  /// The bridge it is on.
  var master: String?
  /// Whether its bridge lets packets through it.
  var forwards: Bool
  var received: (packets: Int64, bytes: Int64, dropped: Int64)
  var sent: (packets: Int64, bytes: Int64, dropped: Int64)

  /// A device of the host; nil where it is not there.
  init?(_ name: String) {
    let folder = "/sys/class/net/\(name)"
    func text(_ file: String) -> String? {
      (try? String(contentsOfFile: "\(folder)/\(file)", encoding: .utf8))?.trimmingCharacters(
        in: .whitespacesAndNewlines)
    }
    func number(_ file: String) -> Int64 { text(file).flatMap { Int64($0) } ?? 0 }
    guard let flags = text("flags").flatMap({ Int($0.dropFirst(2), radix: 16) }) else { return nil }
    up = flags & 1 != 0
    carrier = text("carrier") == "1"
    mtu = Int(number("mtu"))
    master = (try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/master"))
      .flatMap { $0.split(separator: "/").last }.map(String.init)
    forwards = text("brport/state") == "3"
    func counts(_ way: String) -> (Int64, Int64, Int64) {
      (
        number("statistics/\(way)_packets"), number("statistics/\(way)_bytes"), number("statistics/\(way)_dropped")
      )
    }
    received = counts("rx")
    sent = counts("tx")
  }

  /// Packets and bytes that each device of the calling thread's namespace received.
  static func receivedHere() -> [String: (packets: Int64, bytes: Int64)] {
    let lines = ((try? String(contentsOfFile: "/proc/thread-self/net/dev", encoding: .utf8)) ?? "").split(
      separator: "\n")
    var counts: [String: (packets: Int64, bytes: Int64)] = [:]
    for line in lines.dropFirst(2) {
      guard let colon = line.firstIndex(of: ":") else { continue }
      let words = line[line.index(after: colon)...].split(separator: " ")
      guard words.count > 1, let bytes = Int64(words[0]), let packets = Int64(words[1]) else { continue }
      counts[line[..<colon].trimmingCharacters(in: .whitespaces)] = (packets, bytes)
    }
    return counts
  }
}
