public import Contracts
public import Store

/// Servers of projects, and key pairs of users.
public struct ComputeHoldings: ResourceHolder {
  /// Key pairs given in one go at the most.
  private static let keypairsMax = 1000

  public init() {}

  public func holdings(_ tx: Transaction, projects: [String], idsMax: Int) throws -> [Holding] {
    [
      try .of(
        tx, kind: "server", table: "server", where: "project_id IN (\(list: projects)) AND deleting = 0",
        idsMax: idsMax)
    ].compactMap { $0 }
  }

  public func holdings(_ tx: Transaction, user: String, idsMax: Int) throws -> [Holding] {
    [try .of(tx, kind: "keypair", table: "keypair", id: "name", where: "user_id = \(user)", idsMax: idsMax)]
      .compactMap { $0 }
  }

  /// Servers keep the key that they were made with, whoever has the key pair.
  public func give(_ tx: Transaction, from user: String, label: String, to other: String) throws -> [Handover] {
    let names = try tx.query(
      "SELECT name FROM keypair WHERE user_id = \(user) ORDER BY name LIMIT \(Self.keypairsMax)"
    ) { $0.text(0) }
    var taken = Set(try tx.query("SELECT name FROM keypair WHERE user_id = \(other)") { $0.text(0) })
    return try names.map { name in
      var new = name
      var number = 1
      while taken.contains(new) {
        new = number == 1 ? "\(name)-\(label)" : "\(name)-\(label)-\(number)"
        number += 1
      }
      taken.insert(new)
      try tx.execute(
        "UPDATE keypair SET user_id = \(other), name = \(new) WHERE user_id = \(user) AND name = \(name)")
      return Handover(kind: "keypair", name: name, newName: new)
    }
  }
}
