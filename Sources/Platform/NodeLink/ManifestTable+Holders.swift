import Foundation
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

extension ManifestTable {
  /// What a node is asked to hold of an object.
  public struct Asked: Sendable {
    public var nodeID: String
    public var generation: Int64
    /// As it is stored; reading it costs, and mostly nobody needs it.
    var text: String

    /// Throws where the stored text is no spec.
    public func spec() throws -> ObjectSpec { try JSONDecoder().decode(ObjectSpec.self, from: Data(text.utf8)) }
  }

  /// What each node is asked to hold of the object, tombstones left out, by node.
  public static func asked(_ tx: Transaction, _ key: ObjectKey) throws -> [Asked] {
    try tx.query(
      """
      SELECT node_id, generation, spec FROM manifest
      WHERE kind = \(key.kind.rawValue) AND object_id = \(key.id) AND tombstone = 0 ORDER BY node_id
      """
    ) { Asked(nodeID: $0.text(0), generation: Int64($0.int(1)), text: $0.text(2)) }
  }
}
