/// A named right that a route (or the presence of an attribute in a body) asks for.
///
/// The decision sees the principal only. Whose resource it is, is decided by loading it with the caller's scope.
public struct Permission: Sendable, Hashable {
  public enum Rule: Sendable, Hashable {
    /// No token is needed: discovery documents and logging in.
    case open
    /// Any valid token.
    case authenticated
    /// Role reader or above in a project, or an administrator.
    case projectReader
    /// Role member or above in a project, or an administrator.
    case projectMember
    /// Role admin in any scope, or reader of the system.
    case systemReader
    /// Role admin.
    case admin
  }

  /// As OpenStack's policy names it: `os_compute_api:servers:create`, `create_port:mac_address`.
  public var name: String
  public var rule: Rule

  public init(_ name: String, _ rule: Rule) {
    self.name = name
    self.rule = rule
  }

  /// Whether `principal` has this right. nil is a caller without a token.
  public func allows(_ principal: Principal?) -> Bool {
    guard let principal else { return rule == .open }
    let inProject = principal.project != nil
    return switch rule {
    case .open, .authenticated: true
    case .admin: principal.isAdmin
    case .systemReader: principal.isAdmin || principal.scope == .system && principal.has(role: "reader")
    case .projectReader: principal.isAdmin || inProject && principal.has(role: "reader")
    case .projectMember: principal.isAdmin || inProject && principal.has(role: "member")
    }
  }
}
