import CPostgres
import Foundation
import Synchronization

/// Where a PostgreSQL database is, and how its sessions behave. Its text may carry a password and is never shown.
struct PostgresAddress: Sendable {
  /// Bounds of a session, so that no process that hangs holds the others for ever.
  enum Limit {
    /// Seconds to connect. PostgreSQL takes 2 at least.
    static let connectSeconds = 3
    /// Milliseconds of one statement, ended by the server.
    static let statementMilliseconds = 30_000
    /// Milliseconds for a lock, which is how long a writer waits for its turn: longer than `idleMilliseconds`, after
    /// which the server ends the session of one that hangs in its turn.
    static let lockMilliseconds = 12_000
    /// Milliseconds that a session may do nothing inside a transaction.
    static let idleMilliseconds = 8_000
    /// Milliseconds for an answer, when the server itself hangs.
    static let answerMilliseconds = 35_000
    /// Milliseconds until a peer that does not acknowledge counts as gone.
    static let silentPeerMilliseconds = 10_000
  }

  private let parameters: [(name: String, value: String)]

  /// Throws `StoreError` where `url` is neither `postgres://…` nor libpq's `name=value` text.
  init(url: String) throws {
    guard let options = PQconninfoParse(url, nil) else {
      throw StoreError(kind: .other, message: "the address of the PostgreSQL store cannot be read")
    }
    defer { PQconninfoFree(options) }
    var given: [String: String] = [:]
    var option = options
    while let name = option.pointee.keyword {
      if let value = option.pointee.val { given[String(cString: name)] = String(cString: value) }
      option += 1
    }
    parameters = Self.complete(given).sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  private static func complete(_ given: [String: String]) -> [String: String] {
    let defaults = [
      "connect_timeout": "\(Limit.connectSeconds)", "application_name": "haneul", "keepalives_idle": "5",
      "keepalives_interval": "2", "keepalives_count": "3", "tcp_user_timeout": "\(Limit.silentPeerMilliseconds)",
    ]
    let settings = [
      // What is answered is on disk, whatever the server's default is.
      "synchronous_commit=on", "client_min_messages=warning", "statement_timeout=\(Limit.statementMilliseconds)",
      "lock_timeout=\(Limit.lockMilliseconds)",
      "idle_in_transaction_session_timeout=\(Limit.idleMilliseconds)", "jit=off",
    ]
    var all = defaults.merging(given) { $1 }
    all["client_encoding"] = "UTF8"
    all["options"] = ([given["options"]].compactMap { $0 } + settings.map { "-c \($0)" }).joined(separator: " ")
    return all
  }

  /// Connects. Throws `StoreError` of kind `unavailable` where nobody answers, of `other` where this is no store's.
  func connect() throws -> OpaquePointer {
    var names: [UnsafePointer<CChar>?] = []
    var values: [UnsafePointer<CChar>?] = []
    let copies = parameters.flatMap { [strdup($0.name), strdup($0.value)] }
    defer { for copy in copies { free(copy) } }
    for (index, copy) in copies.enumerated() {
      if index.isMultiple(of: 2) { names.append(copy) } else { values.append(copy) }
    }
    guard let connection = PQconnectdbParams(names + [nil], values + [nil], 0) else {
      throw StoreError(kind: .unavailable, message: "no memory to connect to PostgreSQL")
    }
    guard PQstatus(connection) == CONNECTION_OK else {
      defer { PQfinish(connection) }
      throw StoreError(kind: .unavailable, message: PostgresFailure.text(PQerrorMessage(connection)))
    }
    // Without one, notices would go to stderr.
    PQsetNoticeProcessor(connection, { _, _ in }, nil)
    return connection
  }
}

/// Keeps threads from knocking all the time at a server that is gone: after a refusal all are refused for a moment.
final class ConnectGate: Sendable {
  private static let pauseMilliseconds = 300
  private let refused = Mutex<(at: ContinuousClock.Instant, why: StoreError)?>(nil)

  /// Throws the last refusal where that was a moment ago, and what `connect` throws.
  func pass<T>(_ connect: () throws -> T) throws -> T {
    if let last = refused.withLock({ $0 }), ContinuousClock.now - last.at < .milliseconds(Self.pauseMilliseconds) {
      throw last.why
    }
    do {
      let opened = try connect()
      refused.withLock { $0 = nil }
      return opened
    } catch let error as StoreError {
      refused.withLock { $0 = (.now, error) }
      throw error
    }
  }
}
