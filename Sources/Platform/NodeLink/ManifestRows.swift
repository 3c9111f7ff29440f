import Foundation
import Kit
import Logging
import Store

/// Manifest rows as lines of the stream.
struct ManifestRows: Sendable {
  /// Rows read in one go: no read stays open while a slow node takes its time.
  static let chunkMax = 100

  /// Lines ready to be written, and where to go on.
  struct Chunk: Sendable {
    var lines: [UInt8] = []
    /// What the lines speak of.
    var keys: [ObjectKey] = []
    var last: Int64
    /// Whether there may be more.
    var full = false
  }

  let node: String
  let logger: Logger

  /// The rows after a generation, but for those whose generation the node holds already.
  func chunk(_ tx: Transaction, after generation: Int64, held: [ObjectKey: Int64]) throws -> Chunk {
    var chunk = Chunk(last: generation)
    var count = 0
    try tx.forEach(
      """
      SELECT kind, object_id, generation, request_id, spec, tombstone FROM manifest
      WHERE node_id = \(node) AND generation > \(generation) ORDER BY generation LIMIT \(Self.chunkMax)
      """
    ) { row in
      count += 1
      chunk.last = Int64(row.int(2))
      guard let kind = ObjectKind(rawValue: row.text(0)) else {
        logger.error("a manifest row has an unknown kind", metadata: ["kind": "\(row.text(0))"])
        return
      }
      let key = ObjectKey(kind, row.text(1))
      guard held[key] != chunk.last else { return }
      chunk.lines += try Self.line(Self.message(key, row))
      chunk.keys.append(key)
    }
    chunk.full = count == Self.chunkMax
    return chunk
  }

  private static func message(_ key: ObjectKey, _ row: any Row) throws -> LinkMessage {
    let generation = Int64(row.int(2))
    if row.bool(5) { return .tombstone(Tombstone(key: key, generation: generation, requestID: row.textOrNil(3))) }
    let text = row.text(4)
    let spec = try JSONDecoder().decode(ObjectSpec.self, from: Data(text.utf8))
    return .object(
      ManifestObject(
        key: key, generation: generation, requestID: row.textOrNil(3), spec: spec, digest: StoreAge.digest(of: text)))
  }

  static func line(_ message: LinkMessage) throws -> [UInt8] {
    Array(try JSONEncoder().encode(message)) + [UInt8(ascii: "\n")]
  }
}
