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
    /// Whoever one of these clauses fits. Those that look at the resource are decided once it has been loaded, with
    /// `allows(_:on:)`.
    case any([PolicyClause])
  }

  /// As OpenStack's policy names it: `os_compute_api:servers:create`, `create_port:mac_address`.
  public var name: String
  public var rule: Rule

  public init(_ name: String, _ rule: Rule) {
    self.name = name
    self.rule = rule
  }

  /// Whether `principal` has this right, on some resource at least. nil is a caller without a token.
  public func allows(_ principal: Principal?) -> Bool {
    guard let principal else { return rule == .open }
    let inProject = principal.project != nil
    return switch rule {
    case .open, .authenticated: true
    case .admin: principal.isAdmin
    case .systemReader: principal.isAdmin || principal.scope == .system && principal.has(role: "reader")
    case .projectReader: principal.isAdmin || inProject && principal.has(role: "reader")
    case .projectMember: principal.isAdmin || inProject && principal.has(role: "member")
    case .any(let clauses): clauses.contains { $0.mayFit(principal) }
    }
  }

  /// Whether `principal` has this right on the resource that `target` describes. A resource that does not exist is an
  /// empty target: only what holds for every resource holds for it, so that a stranger learns nothing.
  public func allows(_ principal: Principal?, on target: PolicyTarget) -> Bool {
    guard case .any(let clauses) = rule else { return allows(principal) }
    guard let principal else { return false }
    return clauses.contains { $0.fits(principal, target) }
  }

  /// Whether `principal` has this right on every resource there is.
  public func allowsEverywhere(_ principal: Principal?) -> Bool { allows(principal, on: PolicyTarget()) }
}

extension Permission.Rule: CustomStringConvertible {
  /// As `haneul routes` and the OpenAPI document show it: `admin`, `admin or reader of the domain or owner`.
  public var description: String {
    switch self {
    case .open: "open"
    case .authenticated: "authenticated"
    case .projectReader: "projectReader"
    case .projectMember: "projectMember"
    case .systemReader: "systemReader"
    case .admin: "admin"
    case .any(let clauses): clauses.map(\.description).joined(separator: " or ")
    }
  }
}
