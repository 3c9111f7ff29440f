import Crypto
import Foundation
import Kit
import Store

/// Finds out from a greeting whether the store is older than what the node holds: it was restored from a backup, or is
/// new. Generations then say nothing any more, and a new epoch must begin.
struct StoreAge: Sendable {
  /// Rows compared in one go: no read stays open for long.
  private static let chunkMax = 500

  /// What was found of a node's held objects.
  struct Verdict: Sendable {
    /// What proves that the store is older, in words; nil where nothing does.
    var proof: String?
    /// Held objects that have no row, sorted. They are told to the node and never deleted for it.
    var unknown: [ObjectKey] = []
  }

  let hello: Hello
  let identity: StoreIdentity

  /// Compares everything the node holds with its rows. Of another epoch only the keys count.
  func judge(_ store: any Store) async throws -> Verdict {
    var held = Dictionary(
      hello.held.map { ($0.key, $0) }, uniquingKeysWith: { $0.generation > $1.generation ? $0 : $1 })
    var verdict = Verdict()
    if hello.cloudID == identity.cloudID, hello.epoch > identity.epoch {
      verdict.proof = "the node has seen epoch \(hello.epoch) of this cloud, the store is of \(identity.epoch)"
    }
    let counts = hello.cloudID == identity.cloudID && hello.epoch == identity.epoch
    var last: Int64 = 0
    while true {
      let rows = try await store.read { [last] in try Self.rows($0, node: hello.nodeID, after: last) }
      for row in rows {
        last = row.generation
        guard let key = row.key, let mine = held.removeValue(forKey: key), counts else { continue }
        verdict.proof = verdict.proof ?? row.contradiction(mine)
      }
      if rows.count < Self.chunkMax { break }
    }
    verdict.unknown = held.keys.sorted { $0.description < $1.description }
    if counts, verdict.proof == nil { verdict.proof = try await beyondTheFeed(store, held.values) }
    return verdict
  }

  /// An unknown object from a future that this store has not seen.
  private func beyondTheFeed(_ store: any Store, _ unknown: Dictionary<ObjectKey, Hello.Held>.Values) async throws
    -> String?
  {
    guard let newest = unknown.max(by: { $0.generation < $1.generation }) else { return nil }
    let head = try await store.read { Int64(try $0.count("SELECT max(revision) FROM changes")) }
    guard newest.generation > head else { return nil }
    return "the node holds \(newest.key) of generation \(newest.generation), the store ends at \(head)"
  }

  private struct ManifestRow: Sendable {
    var key: ObjectKey?
    var generation: Int64
    var spec: String?

    func contradiction(_ held: Hello.Held) -> String? {
      if held.generation > generation {
        return "the node holds \(held.key) of generation \(held.generation), the store of \(generation)"
      }
      guard held.generation == generation, let spec, let digest = held.digest, digest != StoreAge.digest(of: spec)
      else { return nil }
      return "the node holds \(held.key) of generation \(generation) with other content than the store"
    }
  }

  private static func rows(_ tx: Transaction, node: String, after generation: Int64) throws -> [ManifestRow] {
    try tx.query(
      """
      SELECT kind, object_id, generation, CASE WHEN tombstone = 0 THEN spec END FROM manifest
      WHERE node_id = \(node) AND generation > \(generation) ORDER BY generation LIMIT \(chunkMax)
      """
    ) { row in
      ManifestRow(
        key: ObjectKind(rawValue: row.text(0)).map { ObjectKey($0, row.text(1)) }, generation: Int64(row.int(2)),
        spec: row.textOrNil(3))
    }
  }

  /// The mark of an object's content, from its row's own text: a node gives it back as it got it, so that two releases
  /// that write a spec differently do not disagree.
  static func digest(of spec: String) -> String {
    SHA256.hash(data: Data(spec.utf8)).prefix(16).map { byte in
      let hex = String(byte, radix: 16)
      return byte < 16 ? "0" + hex : hex
    }.joined()
  }
}
