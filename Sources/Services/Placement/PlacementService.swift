public import API
public import Contracts
public import Kit
public import NodeLink
public import Store

/// The placement service: how much each host has, and who holds how much of it.
public struct PlacementService: Sendable, PlacementContract, NodeObserver {
  /// The schema, for `Store.migrate`.
  public static var migrations: [Migration] { PlacementMigrations.all }

  private let store: any Store
  private let now: @Sendable () -> Timestamp

  /// `now` is the clock that tells living hosts from silent ones.
  public init(store: any Store, now: @escaping @Sendable () -> Timestamp = { Timestamp.now() }) {
    self.store = store
    self.now = now
  }

  /// Its routes, below `/placement`. All of them read: claims are made by the compute service alone.
  public var api: ServiceAPI {
    ServiceAPI(
      prefix: "placement", faultStyle: .placement, versions: PlacementVersions.range,
      routes: PlacementVersions.routes + ProviderRoutes(store: store).routes + AllocationRoutes(store: store).routes
        + CandidateRoutes(store: store, now: now).routes + ClassRoutes().routes)
  }

  public func claim(
    _ tx: Transaction, serverID: String, projectID: String, userID: String, resources: Resources
  ) throws -> HostRecord? {
    try PlacementRules.claim(
      tx, consumer: serverID, projectID: projectID, userID: userID, resources.amounts, at: now())?.record
  }

  public func release(_ tx: Transaction, serverID: String) throws {
    try PlacementRules.release(tx, consumer: serverID, at: now())
  }

  public func refusals(_ tx: Transaction, resources: Resources) throws -> [HostRefusal] {
    try PlacementRules.refusals(tx, resources, at: now())
  }

  public func claims(_ tx: Transaction, servers: [String]) throws -> [ClaimRecord] {
    try PlacementRules.claims(tx, "uuid IN (\(list: servers))")
  }

  public func claims(_ tx: Transaction, after serverID: String, limit: Int) throws -> [ClaimRecord] {
    try PlacementRules.claims(tx, "uuid > \(serverID) ORDER BY uuid LIMIT \(limit)")
  }

  public func hold(_ tx: Transaction, _ claim: ClaimRecord, projectID: String, userID: String) throws {
    try PlacementRules.hold(tx, claim, projectID: projectID, userID: userID, at: now())
  }

  public func hosts(_ tx: Transaction) throws -> [HostRecord] { try ProviderTable.list(tx).map(\.record) }

  public func setEnabled(_ tx: Transaction, nodeID: String, _ enabled: Bool) throws {
    if try ProviderTable.setEnabled(tx, uuid: nodeID, enabled) {
      try ProviderTable.touch(tx, uuid: nodeID, at: now())
    }
  }

  public func observe(_ tx: Transaction, node: String, report: Report) throws {
    if let facts = report.facts { try PlacementRules.take(tx, node: node, facts, at: now()) }
    try ProviderTable.seen(tx, uuid: node, at: now())
  }
}
