public import Store

extension ManifestTable {
  /// Ids of the nodes that are asked to hold the object, tombstones left out.
  public static func holders(_ tx: Transaction, _ key: ObjectKey) throws -> Set<String> {
    Set(
      try tx.query(
        """
        SELECT node_id FROM manifest
        WHERE kind = \(key.kind.rawValue) AND object_id = \(key.id) AND tombstone = 0
        """
      ) { $0.text(0) })
  }
}
