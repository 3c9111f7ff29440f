public import Store

/// What a service keeps for projects and users: asked before an identity goes, and told when one takes over from
/// another.
public protocol ResourceHolder: Sendable {
  /// What it keeps for these projects (at most 500), by kind; kinds of which there is nothing are left out. At most
  /// `idsMax` ids of each kind.
  func holdings(_ tx: Transaction, projects: [String], idsMax: Int) throws -> [Holding]

  /// What is a user's own, whatever the project: key pairs, by name.
  func holdings(_ tx: Transaction, user: String, idsMax: Int) throws -> [Holding]

  /// Gives what is a user's own to another. What is called as something that the other has already gets a new name,
  /// made with `label`. At most 1,000 of each kind; what was given.
  func give(_ tx: Transaction, from user: String, label: String, to other: String) throws -> [Handover]
}

extension ResourceHolder {
  public func holdings(_ tx: Transaction, user: String, idsMax: Int) throws -> [Holding] { [] }
  public func give(_ tx: Transaction, from user: String, label: String, to other: String) throws -> [Handover] { [] }
}

/// Resources of one kind.
public struct Holding: Sendable, Hashable {
  /// In OpenStack's words: `server`, `image`, `network`, `router`, `floating_ip`, `keypair`.
  public var kind: String
  public var count: Int
  /// The first ones; of key pairs their names.
  public var ids: [String]

  public init(kind: String, count: Int, ids: [String]) {
    self.kind = kind
    self.count = count
    self.ids = ids
  }

  /// The rows of a table for which `condition` holds; nil where there are none. `id` is the column that names them.
  public static func of(
    _ tx: Transaction, kind: String, table: String, id: String = "id", where condition: SQL, idsMax: Int
  ) throws -> Holding? {
    let count = try tx.count("SELECT count(*) FROM \(raw: table) WHERE \(condition)")
    guard count > 0 else { return nil }
    let ids = try tx.query(
      "SELECT \(raw: id) FROM \(raw: table) WHERE \(condition) ORDER BY \(raw: id) LIMIT \(idsMax)"
    ) { $0.text(0) }
    return Holding(kind: kind, count: count, ids: ids)
  }
}

/// Something that was given from one user to another.
public struct Handover: Sendable, Hashable {
  public var kind: String
  public var name: String
  /// What it is called now.
  public var newName: String

  public init(kind: String, name: String, newName: String) {
    self.kind = kind
    self.name = name
    self.newName = newName
  }
}
