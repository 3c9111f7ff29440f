import CLinux
import Foundation
import Kit

/// Tables of ours in one namespace, with what is known of them: what they were asked to say when they were last loaded,
/// and how the kernel listed them right after. Kept in a file, so that a later process sees what was done to them
/// meanwhile, and loads nothing where nothing was. Used on the namespace thread, inside the namespace.
struct KernelTables: Sendable {
  struct Table: Sendable, Hashable {
    var family: String
    var name: String
    var words: String { "table \(family) \(name)" }
  }

  /// What stands in the file.
  private struct Record: Codable, Hashable {
    /// Digest of the text asked for; empty from just before a load to its end.
    var asked: String
    /// Digest of each table as listed.
    var listed: [String]
    /// Which run of the kernel it was: after the host's next start there are no tables.
    var boot: String
  }

  struct Comparison: Sendable {
    /// Whether the tables say what is asked.
    var same: Bool
    /// What somebody else did to them, in words.
    var found: String?
  }

  let path: String
  let tables: [Table]
  private var record: Record?
  /// The tables as last listed, for words about what changed.
  private var listing: [String]?
  /// The kernel's count of changes when they were last known to be right.
  private var generation: Int64?

  init(path: String, tables: [Table]) {
    self.path = path
    self.tables = tables
    record = FileManager.default.contents(atPath: path).flatMap { try? JSONDecoder().decode(Record.self, from: $0) }
    if let record, record.boot != Self.boot || record.listed.count != tables.count { self.record = nil }
  }

  private static let boot =
    ((try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)) ?? "").trimmingCharacters(
      in: .whitespacesAndNewlines)

  /// Compares the kernel's tables with what `text` asks. Where nobody changed any rule of the namespace since the last
  /// comparison it costs one question to the kernel. Throws `Refusal` where libnftables fails.
  mutating func compare(_ text: String) throws -> Comparison {
    let asked = Digest.of(text)
    let current = clinux_nft_generation()
    if let generation, generation == current, current >= 0, let record {
      return Comparison(same: record.asked == asked)
    }
    let now = try list()
    guard let record, !record.asked.isEmpty else { return Comparison(same: false) }
    guard now.map({ Digest.of($0) }) == record.listed else {
      return Comparison(same: false, found: describe(now))
    }
    listing = now
    generation = current
    return Comparison(same: record.asked == asked)
  }

  /// Loads `text` as one transaction. Throws `Refusal` with the kernel's words: the tables are as they were.
  mutating func load(_ text: String) throws {
    // From here to the end a later process cannot know what the kernel has taken: it loads again, and blames nobody.
    save(Record(asked: "", listed: tables.map { _ in "" }, boot: Self.boot))
    generation = nil
    _ = try Nftables().run(text)
    let current = clinux_nft_generation()
    let now = try list()
    save(Record(asked: Digest.of(text), listed: now.map { Digest.of($0) }, boot: Self.boot))
    listing = now
    generation = current
  }

  private func list() throws -> [String] {
    let nftables = try Nftables()
    return tables.map { nftables.table($0.family, $0.name) ?? "" }
  }

  /// A disk that refuses stops no repair: what is lost is only what a later process could have known.
  private mutating func save(_ next: Record) {
    record = next
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    guard let bytes = try? encoder.encode(next) else { return }
    _ = try? StateFile.write(String(decoding: bytes, as: UTF8.self), to: path)
  }

  /// At most this many lines are told.
  private static let linesMax = 3

  private func describe(_ now: [String]) -> String {
    tables.indices.compactMap { index in
      guard now[index] != listing?[index], Digest.of(now[index]) != record?.listed[index] else { return nil }
      let words = tables[index].words
      if now[index].isEmpty { return "\(words) is gone" }
      guard let before = listing?[index] else { return "\(words) is not as it was loaded" }
      return "\(words): \(Self.difference(from: before, to: now[index]))"
    }.joined(separator: ", ")
  }

  private static func difference(from before: String, to now: String) -> String {
    let (old, new) = (lines(before), lines(now))
    let (were, are) = (Set(old), Set(new))
    let different =
      new.filter { !were.contains($0) }.map { "added \($0.prefix(120))" }
      + old.filter { !are.contains($0) }.map { "missing \($0.prefix(120))" }
    guard !different.isEmpty else { return "rules in another order, or twice" }
    let more = different.count > linesMax ? ", and \(different.count - linesMax) more lines" : ""
    return different.prefix(linesMax).joined(separator: ", ") + more
  }

  private static func lines(_ listing: String) -> [String] {
    listing.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
  }
}
