import Foundation
import Kit

/// Gives each port its number in packet marks, the same as long as it lives. Numbers of different clouds begin at
/// different places, so that clouds on one operator's bridge do not read each other's marks. Kept on disk, so that a
/// later process asks for the same rules and loads nothing.
struct PortNumbers {
  private let path: String
  private var numbers: [String: UInt16] = [:]
  private var next: UInt16

  init(tag: CloudTag, path: String) {
    self.path = path
    next = UInt16(tag.text, radix: 16) ?? 1
    let bytes = FileManager.default.contents(atPath: path) ?? Data()
    let kept = (try? JSONDecoder().decode([String: UInt16].self, from: bytes)) ?? [:]
    // A file that was changed by hand gives no two ports one number, and none the number 0.
    if Set(kept.values).count == kept.count, !kept.values.contains(0) { numbers = kept }
  }

  /// The number of `id`. Throws `Refusal` where all 65,535 are taken.
  mutating func number(_ id: String) throws -> UInt16 {
    if let number = numbers[id] { return number }
    guard numbers.count < Int(UInt16.max) else {
      throw Refusal("TooManyPorts", "This host has no room for more ports.")
    }
    let taken = Set(numbers.values)
    repeat { next &+= 1 } while next == 0 || taken.contains(next)
    numbers[id] = next
    return next
  }

  /// Frees the numbers of ports that are no more.
  mutating func keep(_ ids: Set<String>) { numbers = numbers.filter { ids.contains($0.key) } }

  /// Writes them where they changed. Throws `Refusal` where the disk refuses.
  func save() throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let text = String(decoding: (try? encoder.encode(numbers)) ?? Data("{}".utf8), as: UTF8.self)
    try StateFile.write(text, to: path)
  }
}

/// The conntrack zone of each network with a bridge of its own: kept on disk, for flows outlive this process.
struct ConntrackZones {
  private let path: String
  private var zones: [String: UInt16]

  init(path: String) {
    self.path = path
    let bytes = FileManager.default.contents(atPath: path) ?? Data()
    let kept = (try? JSONDecoder().decode([String: UInt16].self, from: bytes)) ?? [:]
    // A file that was changed by hand puts no two networks into one zone, and none into the host's.
    zones = Set(kept.values).count == kept.count && !kept.values.contains(0) ? kept : [:]
  }

  /// The zone of a network, chosen by its id where it has none yet. Zone 0 is the host's own.
  mutating func zone(_ networkID: String) -> UInt16 {
    if let zone = zones[networkID] { return zone }
    let hash = networkID.utf8.reduce(UInt32(0x811c_9dc5)) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
    let taken = Set(zones.values)
    var zone = UInt16(truncatingIfNeeded: hash ^ hash >> 16)
    while zone == 0 || taken.contains(zone) { zone &+= 1 }
    zones[networkID] = zone
    return zone
  }

  var all: Set<UInt16> { Set(zones.values) }

  mutating func forget(_ networkID: String) { zones[networkID] = nil }

  /// Writes them where they changed. Throws `Refusal` where the disk refuses.
  func save() throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let text = String(decoding: (try? encoder.encode(zones)) ?? Data("{}".utf8), as: UTF8.self)
    try StateFile.write(text, to: path)
  }
}
