import NodeLink
import Store

/// Of which kind a resource was that is gone: what nodes did for it tells, or the requests that spoke of it.
enum PastKind {
  /// The kind by the plural in a request's path.
  private static let plurals = [
    "servers": "server", "ports": "port", "networks": "network", "routers": "router", "floatingips": "floating_ip",
    "images": "image",
  ]

  static func find(_ tx: Transaction, id: String) throws -> String? {
    for kind in ObjectKind.allCases where try !StepEventTable.events(tx, of: ObjectKey(kind, id)).isEmpty {
      return kind.rawValue
    }
    // `/network/v2.0/ports`, `/network/v2.0/ports/<id>`: the plural stands third, and the id, if any, behind it.
    for request in try RequestTable.of(tx, object: id, limit: 20) where request.succeeded {
      let parts = request.path.split(separator: "/")
      guard parts.count >= 3, parts.count == 3 || parts[3] == id else { continue }
      if let kind = plurals[String(parts[2])] { return kind }
    }
    return nil
  }
}
