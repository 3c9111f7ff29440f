public import Contracts
public import Store

/// Images of projects.
public struct ImagesHoldings: ResourceHolder {
  public init() {}

  public func holdings(_ tx: Transaction, projects: [String], idsMax: Int) throws -> [Holding] {
    [try .of(tx, kind: "image", table: "image", where: "owner IN (\(list: projects))", idsMax: idsMax)]
      .compactMap { $0 }
  }
}
