import Converge
import Kit
import NodeLink
import Store

/// Recomputes, a page at a time, what every node should hold, and puts right what differs.
struct ProjectionConverger: Converger {
  /// Objects looked at in one transaction.
  static let pageMax = 100

  let networks: NetworksService

  var name: String { "networks.projection" }
  var interval: Duration { .seconds(60) }
  var followsChanges: Bool { false }

  func step() async throws {
    try await networks.write(requestID: nil) { change in
      try change.placeRouters()
      try HeldAddressTable.dropForgotten(change.tx)
    }
    let nodes = try await networks.store.read { try AgentTable.nodeIDs($0) }
    let kinds: [(table: String, kind: ObjectKind, mark: @Sendable (Change, Set<String>) -> Void)] = [
      (Network.kind, .network, { $0.networks = $1 }), (SecurityGroup.kind, .securityGroup, { $0.groups = $1 }),
      (SecurityGroup.kind, .addressSet, { $0.groups = $1 }), (Port.kind, .port, { $0.ports = $1 }),
      (Router.kind, .router, { $0.routers = $1 }),
    ]
    for (table, kind, mark) in kinds {
      try await pages(table, mark)
      // What nodes hold of resources that are gone.
      for node in nodes {
        let stale = try await networks.store.read { tx in
          let held = try ManifestTable.ids(tx, node: node, kind)
          return try held.filter { id in try !tx.exists("SELECT 1 FROM \(raw: table) WHERE id = \(id)") }
        }
        for page in stale.sorted().pages(of: Self.pageMax) {
          try await networks.write(requestID: nil) { mark($0, Set(page)) }
        }
      }
    }
  }

  private func pages(_ table: String, _ mark: @escaping @Sendable (Change, Set<String>) -> Void) async throws {
    var last = ""
    while true {
      let after = last
      let ids = try await networks.store.read { tx in
        try tx.query("SELECT id FROM \(raw: table) WHERE id > \(after) ORDER BY id LIMIT \(Self.pageMax)") {
          $0.text(0)
        }
      }
      guard let end = ids.last else { return }
      try await networks.write(requestID: nil) { mark($0, Set(ids)) }
      last = end
    }
  }
}

extension Array {
  /// The array in pieces of at most `count`.
  func pages(of count: Int) -> [ArraySlice<Element>] {
    stride(from: 0, to: self.count, by: count).map { self[$0..<Swift.min($0 + count, self.count)] }
  }
}
