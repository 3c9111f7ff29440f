import Foundation
public import Store

/// What each node should hold, written by the services in the same transaction as what was asked of them.
///
/// A row is complete. Its generation is the revision of the change that wrote it, so generations grow for ever and a
/// node that was away needs no replay: it gets the rows that differ.
public enum ManifestTable {
  public static let migrations = [
    Migration(
      room: "nodelink", number: 1, .expand,
      [
        """
        CREATE TABLE manifest (
          node_id TEXT NOT NULL, kind TEXT NOT NULL, object_id TEXT NOT NULL, generation INTEGER NOT NULL,
          request_id TEXT, spec TEXT NOT NULL, tombstone INTEGER NOT NULL DEFAULT 0,
          PRIMARY KEY (node_id, kind, object_id))
        """,
        "CREATE INDEX manifest_generation ON manifest (node_id, generation)",
      ])
  ]

  /// The kind under which the feed tells that a node's manifest changed; the object's id is the node's.
  public static let changeKind = "manifest"

  /// Asks the node to hold the object as `spec` says. Nothing is written where it says so already.
  public static func put(
    _ tx: Transaction, node: String, _ key: ObjectKey, _ spec: ObjectSpec, requestID: String?
  ) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let text = String(decoding: try encoder.encode(spec), as: UTF8.self)
    let same = try tx.exists(
      """
      SELECT 1 FROM manifest WHERE node_id = \(node) AND kind = \(key.kind.rawValue) AND object_id = \(key.id)
        AND tombstone = 0 AND spec = \(text)
      """)
    if same { return }
    let generation = try tx.change(changeKind, node)
    try tx.execute(
      """
      INSERT INTO manifest (node_id, kind, object_id, generation, request_id, spec, tombstone)
      VALUES (\(node), \(key.kind.rawValue), \(key.id), \(generation), \(requestID), \(text), 0)
      ON CONFLICT (node_id, kind, object_id) DO UPDATE SET
        generation = excluded.generation, request_id = excluded.request_id, spec = excluded.spec, tombstone = 0
      """)
  }

  /// Orders the node to delete the object. False where the node was never asked to hold it.
  @discardableResult
  public static func bury(_ tx: Transaction, node: String, _ key: ObjectKey, requestID: String?) throws -> Bool {
    guard let row = try find(tx, node: node, key) else { return false }
    if row.tombstone { return true }
    let generation = try tx.change(changeKind, node)
    try tx.execute(
      """
      UPDATE manifest SET tombstone = 1, generation = \(generation), request_id = \(requestID)
      WHERE node_id = \(node) AND kind = \(key.kind.rawValue) AND object_id = \(key.id)
      """)
    return true
  }

  /// The operator's word that an object which control never knew, and the node keeps in quarantine, shall go. It is
  /// forgotten when the node has said that it is gone. False where control asks the node to hold it: that is deleted
  /// by its service.
  public static func condemn(_ tx: Transaction, node: String, key: ObjectKey, requestID: String?) throws -> Bool {
    if let row = try find(tx, node: node, key) { return row.tombstone }
    let generation = try tx.change(changeKind, node)
    try tx.execute(
      """
      INSERT INTO manifest (node_id, kind, object_id, generation, request_id, spec, tombstone)
      VALUES (\(node), \(key.kind.rawValue), \(key.id), \(generation), \(requestID), '', 1)
      """)
    return true
  }

  /// Forgets a tombstone whose object is gone from the node. True where it was this generation's.
  @discardableResult
  public static func forget(_ tx: Transaction, node: String, _ key: ObjectKey, generation: Int64) throws -> Bool {
    try tx.execute(
      """
      DELETE FROM manifest WHERE node_id = \(node) AND kind = \(key.kind.rawValue) AND object_id = \(key.id)
        AND tombstone = 1 AND generation <= \(generation)
      """) > 0
  }

  /// The object's generation and whether it is a tombstone; nil where the node was never asked to hold it.
  public static func find(
    _ tx: Transaction, node: String, _ key: ObjectKey
  ) throws -> (generation: Int64, tombstone: Bool)? {
    try tx.first(
      """
      SELECT generation, tombstone FROM manifest
      WHERE node_id = \(node) AND kind = \(key.kind.rawValue) AND object_id = \(key.id)
      """
    ) { (Int64($0.int(0)), $0.bool(1)) }
  }

  /// Ids of the objects of a kind that the node is asked to hold, tombstones left out.
  public static func ids(_ tx: Transaction, node: String, _ kind: ObjectKind) throws -> Set<String> {
    Set(
      try tx.query(
        "SELECT object_id FROM manifest WHERE node_id = \(node) AND kind = \(kind.rawValue) AND tombstone = 0"
      ) { $0.text(0) })
  }
}

/// Told what a node reports, inside the transaction that stores it.
public protocol NodeObserver: Sendable {
  /// Takes in what concerns it; observations of kinds it does not know are somebody else's.
  func observe(_ tx: Transaction, node: String, report: Report) throws
}
