import Kit

/// Whose store this is. It is the truth of the cloud's epoch; the settings only seed it.
public struct StoreIdentity: Sendable, Hashable {
  public var cloudID: String
  /// Grows by one when a store that is older than what the nodes hold has been put in place.
  public var epoch: Int64

  /// The store is of another cloud.
  public struct Foreign: Error, Sendable, Hashable {
    public var cloudID: String
  }

  /// Reads it. nil before `claim`.
  public static func read(_ tx: Transaction) throws -> StoreIdentity? {
    try tx.first("SELECT cloud_id, epoch FROM cloud") { StoreIdentity(cloudID: $0.text(0), epoch: Int64($0.int(1))) }
  }

  /// Begins a later epoch. One that is not later changes nothing.
  public static func raise(_ tx: Transaction, epoch: Int64) throws {
    try tx.execute("UPDATE cloud SET epoch = \(epoch) WHERE epoch < \(epoch)")
  }
}

extension Store {
  /// Says that the store is this cloud's, before anything else is asked of it: a store that is nobody's yet becomes
  /// this cloud's, with `epoch`. Throws `StoreIdentity.Foreign` for another cloud's, which is left untouched.
  @discardableResult
  public func claim(cloudID: String, epoch: Int64) async throws -> StoreIdentity {
    try await write { tx in
      try tx.execute(
        """
        CREATE TABLE IF NOT EXISTS cloud (
          one INTEGER PRIMARY KEY CHECK (one = 1), cloud_id TEXT NOT NULL, epoch INTEGER NOT NULL)
        """)
      if let identity = try StoreIdentity.read(tx) {
        guard identity.cloudID == cloudID else { throw StoreIdentity.Foreign(cloudID: identity.cloudID) }
        return identity
      }
      try tx.execute("INSERT INTO cloud (one, cloud_id, epoch) VALUES (1, \(cloudID), \(epoch))")
      return StoreIdentity(cloudID: cloudID, epoch: epoch)
    }
  }
}
