import Kit
import Store

/// What made tokens invalid, for services that ask (OS-REVOKE). It is told only: our own tokens are judged by the
/// state itself.
enum RevocationEventTable {
  /// Events are kept as long as a token lives, and this much longer, in seconds.
  static let keptLonger: Double = 1800

  /// Which tokens: all of a user, of a project, of a domain, one token, or all that were got with one.
  enum Subject: String, Sendable {
    case user = "user_id"
    case project = "project_id"
    case domain = "domain_id"
    case token = "audit_id"
    case chain = "audit_chain_id"
    case trust = "OS-TRUST:trust_id"
    case consumer = "OS-OAUTH1:consumer_id"
    case accessToken = "OS-OAUTH1:access_token_id"
  }

  struct Event: Sendable {
    var number: Int
    /// The member's name in the API.
    var subject: String
    var id: String
    var revokedAt: Timestamp
  }

  static func note(_ tx: Transaction, _ subject: Subject, _ id: String, at moment: Timestamp = .now()) throws {
    try tx.execute(
      """
      INSERT INTO identity_revocation_event (subject, subject_id, revoked_at)
      VALUES (\(subject.rawValue), \(id), \(moment))
      """)
  }

  /// In the order they came, after `number`, those later than `since`.
  static func list(_ tx: Transaction, after number: Int, since: Timestamp?, count: Int) throws -> [Event] {
    var conditions: [SQL] = ["number > \(number)"]
    if let since { conditions.append("revoked_at > \(since)") }
    return try tx.query(
      """
      SELECT number, subject, subject_id, revoked_at FROM identity_revocation_event
      \(SQL.whereAll(conditions)) ORDER BY number LIMIT \(count)
      """
    ) { Event(number: $0.int(0), subject: $0.text(1), id: $0.text(2), revokedAt: $0.time(3)) }
  }

  static func deleteOld(_ tx: Transaction, before moment: Timestamp) throws {
    try tx.execute("DELETE FROM identity_revocation_event WHERE revoked_at < \(moment)")
  }
}
