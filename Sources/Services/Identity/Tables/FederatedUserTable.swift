import Kit
import Store

/// Users who are known elsewhere: who they are there, and the groups that came with them.
enum FederatedUserTable {
  /// The id of the user who is `uniqueID` at an identity provider.
  static func find(_ tx: Transaction, idp: String, protocol id: String, uniqueID: String) throws -> String? {
    try tx.first(
      """
      SELECT user_id FROM identity_federated_user
      WHERE idp_id = \(idp) AND protocol_id = \(id) AND unique_id = \(uniqueID)
      """
    ) { $0.text(0) }
  }

  static func insert(
    _ tx: Transaction, user: String, idp: String, protocol id: String, uniqueID: String, displayName: String?
  ) throws {
    try tx.execute(
      """
      INSERT INTO identity_federated_user (user_id, idp_id, protocol_id, unique_id, display_name)
      VALUES (\(user), \(idp), \(id), \(uniqueID), \(displayName))
      """)
  }

  /// The condition that a row of `identity_user u` is known elsewhere by these; nil asks for nothing.
  static func condition(idp: String?, protocol id: String?, uniqueID: String?) -> SQL {
    var conditions: [SQL] = []
    if let idp { conditions.append("f.idp_id = \(idp)") }
    if let id { conditions.append("f.protocol_id = \(id)") }
    if let uniqueID { conditions.append("f.unique_id = \(uniqueID)") }
    return "u.id IN (SELECT f.user_id FROM identity_federated_user f \(SQL.whereAll(conditions)))"
  }

  /// Voids every token of the users of an identity provider.
  static func voidTokens(_ tx: Transaction, idp: String) throws {
    try tx.execute(
      """
      UPDATE identity_user SET token_generation = token_generation + 1
      WHERE id IN (SELECT f.user_id FROM identity_federated_user f WHERE f.idp_id = \(idp))
      """)
  }

  /// Deletes the users who have no other way in: known nowhere else, and without a password.
  static func deleteUsers(_ tx: Transaction, idp: String, protocol id: String?) throws {
    let here: SQL = id.map { "f.idp_id = \(idp) AND f.protocol_id = \($0)" } ?? "f.idp_id = \(idp)"
    try tx.execute(
      """
      DELETE FROM identity_user WHERE password_hash IS NULL
        AND id IN (SELECT f.user_id FROM identity_federated_user f WHERE \(here))
        AND id NOT IN (SELECT f.user_id FROM identity_federated_user f WHERE NOT (\(here)))
      """)
  }

  /// Roles that the user itself has in projects.
  static func projectRoles(_ tx: Transaction, user: String) throws -> [(project: String, role: String)] {
    try tx.query(
      """
      SELECT a.project_id, a.role_id FROM identity_role_assignment a JOIN identity_project p ON p.id = a.project_id
      WHERE a.user_id = \(user) AND a.inherited = 0 AND p.is_domain = 0
      """
    ) { ($0.text(0), $0.text(1)) }
  }

  // MARK: Groups for a time

  /// Sets the groups that a login at an identity provider brought, to last until `end`.
  static func setGroups(
    _ tx: Transaction, user: String, idp: String, _ groups: [String], until end: Timestamp
  ) throws {
    try tx.execute("DELETE FROM identity_expiring_member WHERE user_id = \(user) AND idp_id = \(idp)")
    for group in groups {
      try tx.execute(
        """
        INSERT INTO identity_expiring_member (user_id, group_id, idp_id, expires_at)
        VALUES (\(user), \(group), \(idp), \(end))
        """)
    }
  }

  /// Ids of the groups that a user is in for a time, as a statement.
  static func groups(user: String, at now: Timestamp) -> SQL {
    "SELECT x.group_id FROM identity_expiring_member x WHERE x.user_id = \(user) AND x.expires_at > \(now)"
  }

  /// When the user next leaves a group that it is in for a time.
  static func nextEnd(_ tx: Transaction, user: String, after now: Timestamp) throws -> Timestamp? {
    try tx.first(
      """
      SELECT expires_at FROM identity_expiring_member WHERE user_id = \(user) AND expires_at > \(now)
      ORDER BY expires_at LIMIT 1
      """
    ) { $0.time(0) }
  }

  /// Forgets memberships whose time is over. They count for nothing before that.
  static func deleteExpiredGroups(_ tx: Transaction, at moment: Timestamp) throws {
    try tx.execute("DELETE FROM identity_expiring_member WHERE expires_at <= \(moment)")
  }
}
