import Store

/// Who reaches what: for comparing before and after.
enum ReachTable {
  /// Ids of the users who have a role anywhere, themselves or by a group.
  static func usersWithRole(_ tx: Transaction) throws -> Set<String> {
    Set(
      try tx.query(
        """
        SELECT a.user_id FROM identity_role_assignment a WHERE a.user_id IS NOT NULL
        UNION
        SELECT m.user_id FROM identity_role_assignment a JOIN identity_group_member m ON m.group_id = a.group_id
        """
      ) { $0.text(0) })
  }

  /// Ids of the projects where somebody who is enabled has a role, itself, by a group or inherited, and is no
  /// administrator of the system: those reach everything.
  static func projects(_ tx: Transaction) throws -> Set<String> {
    Set(
      try tx.query(
        """
        WITH RECURSIVE chief (id) AS (
          SELECT COALESCE(a.user_id, m.user_id) FROM identity_role_assignment a
          JOIN identity_role r ON r.id = a.role_id AND r.name = 'admin' AND r.domain_id IS NULL
          LEFT JOIN identity_group_member m ON m.group_id = a.group_id WHERE a.project_id IS NULL),
        held (id, inherited) AS (
          SELECT a.project_id, a.inherited FROM identity_role_assignment a
          LEFT JOIN identity_group_member m ON m.group_id = a.group_id
          JOIN identity_user u ON u.id = COALESCE(a.user_id, m.user_id) AND u.enabled = 1
          WHERE a.project_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM chief c WHERE c.id = u.id)),
        below (id) AS (
          SELECT p.id FROM identity_project p JOIN held h ON p.parent_id = h.id AND h.inherited = 1
          UNION SELECT p.id FROM identity_project p JOIN below b ON p.parent_id = b.id)
        SELECT id FROM held WHERE inherited = 0 UNION SELECT id FROM below
        """
      ) { $0.text(0) })
  }
}
