public import Auth
public import Contracts
public import Store

extension IdentityService: AccessContract {
  public func accessTarget(_ tx: Transaction, _ text: String) throws -> AccessTarget? {
    for kind in ["project", "user", "group"] {
      let named: SQL = kind == "group" ? "0 AS is_domain" : kind == "user" ? "0 AS is_domain" : "is_domain"
      let found = try tx.query(
        """
        SELECT id, name, domain_id, \(named) FROM identity_\(raw: kind) WHERE id = \(text) OR name = \(text)
        ORDER BY CASE WHEN id = \(text) THEN 0 ELSE 1 END, id LIMIT 2
        """
      ) { (id: $0.text(0), name: $0.text(1), domain: $0.textOrNil(2), isDomain: $0.bool(3)) }
      guard let first = found.first, first.id == text || found.count == 1 else { continue }
      let domains = [first.domain ?? first.id]
      return AccessTarget(
        kind: first.isDomain ? "domain" : kind, id: first.id, name: first.name,
        policy: PolicyTarget(
          domainIDs: domains, projectID: kind == "project" ? first.id : nil, userIDs: kind == "user" ? [first.id] : []))
    }
    return nil
  }

  public func holders(
    _ tx: Transaction, of clause: PolicyClause, on target: PolicyTarget?, limit: Int
  ) throws -> [AccessPath] {
    if clause.reach == .own { return try owners(tx, target, limit: limit) }
    guard let role = clause.role else { return [] }
    return try tx.query(
      """
      WITH RECURSIVE bringer (id) AS (
        SELECT r.id FROM identity_role r WHERE r.name = \(role) AND r.domain_id IS NULL
        UNION SELECT n.prior_role_id FROM identity_role_inference n JOIN bringer b ON n.implied_role_id = b.id)
      SELECT u.id, u.name, u.enabled, d.enabled, COALESCE(r.own_name, r.name), p.name, p.is_domain, g.name, a.inherited
      FROM identity_role_assignment a JOIN bringer b ON b.id = a.role_id JOIN identity_role r ON r.id = a.role_id
      LEFT JOIN identity_group_member m ON m.group_id = a.group_id LEFT JOIN identity_group g ON g.id = a.group_id
      JOIN identity_user u ON u.id = COALESCE(a.user_id, m.user_id) JOIN identity_project d ON d.id = u.domain_id
      LEFT JOIN identity_project p ON p.id = a.project_id
      WHERE \(place(clause.reach, target)) ORDER BY u.name, u.id, p.name, r.name LIMIT \(limit)
      """
    ) {
      let name = $0.textOrNil(5)
      let place = name.map { [isDomain = $0.bool(6)] name in (isDomain ? "domain " : "project ") + name }
      return AccessPath(
        userID: $0.text(0), userName: $0.text(1), enabled: $0.bool(2) && $0.bool(3), role: $0.text(4),
        place: place ?? "the system", group: $0.textOrNil(7), inherited: $0.bool(8))
    }
  }

  /// The condition that an assignment `a` at `p` lets somebody in.
  private func place(_ reach: PolicyClause.Reach, _ target: PolicyTarget?) -> SQL {
    switch reach {
    case .everywhere, .own: return "1 = 1"
    case .system: return "a.project_id IS NULL"
    case .domain:
      guard let target else { return "p.is_domain = 1 AND a.inherited = 0" }
      // A role in a domain reaches what belongs to that one alone.
      let domains = Set(target.domainIDs)
      return domains.count == 1 ? "a.project_id IN (\(list: Array(domains))) AND a.inherited = 0" : "1 = 0"
    case .project:
      guard let target else { return "p.is_domain = 0 OR a.inherited = 1" }
      guard let id = target.projectID else { return "1 = 0" }
      return """
        EXISTS (SELECT 1 FROM \(AssignmentTable.places(id)) t WHERE t.id = a.project_id AND t.inherited = a.inherited)
        """
    }
  }

  private func owners(_ tx: Transaction, _ target: PolicyTarget?, limit: Int) throws -> [AccessPath] {
    try tx.query(
      """
      SELECT u.id, u.name, u.enabled, d.enabled FROM identity_user u JOIN identity_project d ON d.id = u.domain_id
      WHERE u.id IN (\(list: target?.userIDs ?? [])) ORDER BY u.name LIMIT \(limit)
      """
    ) {
      AccessPath(
        userID: $0.text(0), userName: $0.text(1), enabled: $0.bool(2) && $0.bool(3), role: nil,
        place: "its own", group: nil, inherited: false)
    }
  }

  public func rolesNow(_ tx: Transaction, user: String, place: String?) throws -> [String] {
    try AssignmentTable.effectiveRoles(tx, user: user, place.map { .project($0) } ?? .system).map(\.name)
  }
}
