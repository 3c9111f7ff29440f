public import Contracts
public import Store

/// Networks, routers and floating addresses of projects.
public struct NetworksHoldings: ResourceHolder {
  private static let kinds = ["network", "router", "floating_ip"]

  public init() {}

  public func holdings(_ tx: Transaction, projects: [String], idsMax: Int) throws -> [Holding] {
    try Self.kinds.compactMap {
      try .of(tx, kind: $0, table: $0, where: "project_id IN (\(list: projects))", idsMax: idsMax)
    }
  }
}
