public import Kit

/// One entry of the change feed.
public struct Change: Sendable, Hashable {
  /// Where it stands in the feed: each is one more than the one before, but where numbers were skipped.
  public var revision: Int64
  public var kind: String
  public var objectID: String
  public var at: Timestamp
}

/// What the change feed holds after a revision.
public enum ChangePage: Sendable, Hashable {
  /// In order and without gaps. `last` is the revision to ask from next; `more` says that there is more at once.
  case changes([Change], last: Int64, more: Bool)
  /// The feed has dropped what came after that revision, or never came so far: read everything anew, then ask from
  /// `last`.
  case resync(last: Int64)
}

extension Transaction {
  /// Entries given in one page at the most.
  public static var changesMax: Int { 1000 }

  /// What changed after `revision`, of all `kinds` or of those named.
  public func changes(after revision: Int64, kinds: [String] = [], limit: Int = changesMax) throws -> ChangePage {
    let bounds = try first("SELECT COALESCE(min(revision), 0), COALESCE(max(revision), 0) FROM changes") {
      (oldest: Int64($0.int(0)), newest: Int64($0.int(1)))
    }
    guard let bounds, bounds.newest > 0 || revision > 0 else { return .changes([], last: revision, more: false) }
    if revision > bounds.newest || revision < bounds.oldest - 1 { return .resync(last: bounds.newest) }
    let conditions: [SQL] = ["revision > \(revision)"] + (kinds.isEmpty ? [] : ["kind IN (\(list: kinds))"])
    let page = try query(
      """
      SELECT revision, kind, object_id, at FROM changes \(SQL.whereAll(conditions))
      ORDER BY revision LIMIT \(limit)
      """
    ) { Change(revision: Int64($0.int(0)), kind: $0.text(1), objectID: $0.text(2), at: $0.time(3)) }
    let isFull = page.count == limit
    return .changes(page, last: isFull ? page.last?.revision ?? revision : bounds.newest, more: isFull)
  }

  /// The revision of the newest change; 0 before the first.
  public func newestRevision() throws -> Int64 { Int64(try count("SELECT max(revision) FROM changes")) }

  /// Says in the change feed that the object changed, and returns the change's revision: one more than the newest, for
  /// only one transaction writes at a time.
  @discardableResult
  public func change(_ kind: String, _ id: String) throws -> Int64 {
    let row = try first(
      """
      INSERT INTO changes (revision, kind, object_id, at)
      SELECT COALESCE(max(revision), 0) + 1, \(kind), \(id), \(Timestamp.now()) FROM changes RETURNING revision
      """
    ) { Int64($0.int(0)) }
    guard let row else { throw StoreError(kind: .other, message: "the change feed gave no revision") }
    note(revision: row)
    return row
  }

  /// Lets the change feed go on beyond `revision`: where others remember changes that this store does not, no number
  /// must be given twice. Nothing happens where the feed is there already.
  public func skipChanges(to revision: Int64, _ kind: String, _ id: String) throws {
    guard try newestRevision() < revision else { return }
    try execute(
      "INSERT INTO changes (revision, kind, object_id, at) VALUES (\(revision), \(kind), \(id), \(Timestamp.now()))")
    note(revision: revision)
  }
}

extension Store {
  /// Drops all but the newest `keeping` rows of the change feed, and never the newest: numbers go on from it.
  public func compactChanges(keeping: Int) async throws {
    try await write { tx in
      let newest = try tx.newestRevision()
      try tx.execute("DELETE FROM changes WHERE revision <= \(newest - Int64(max(keeping, 1)))")
    }
  }
}
