/// What a policy may know of the resource that a request is about: facts of the store, never of the request.
public struct PolicyTarget: Sendable, Hashable {
  /// The domains the resource belongs to. A role in a domain reaches it only where every one of them is that domain;
  /// where there is none, no domain's role reaches it.
  public var domainIDs: [String]
  /// The project it belongs to.
  public var projectID: String?
  /// The users whose own it is.
  public var userIDs: [String]
  /// The name of the role that is given or taken.
  public var roleName: String?

  public init(
    domainIDs: [String] = [], projectID: String? = nil, userIDs: [String] = [], roleName: String? = nil
  ) {
    self.domainIDs = domainIDs
    self.projectID = projectID
    self.userIDs = userIDs
    self.roleName = roleName
  }
}

/// One way to have a right: a role, and where the token must be scoped to for it.
public struct PolicyClause: Sendable, Hashable {
  public enum Reach: String, Sendable, Hashable {
    /// Whatever the token's scope and the resource are.
    case everywhere
    /// A token scoped to the system.
    case system
    /// A token scoped to the domain that the resource belongs to.
    case domain
    /// A token scoped to the project that the resource belongs to.
    case project
    /// The resource is the caller's own.
    case own
  }

  /// nil: any role, or none.
  public var role: String?
  public var reach: Reach
  /// Where set, only for giving and taking roles of these names.
  public var targetRoles: Set<String>?
  /// Whether a token that is scoped to a domain is out of the question, whatever its roles: OpenStack's policies name
  /// the scopes they are for.
  public var exceptDomains: Bool

  public init(_ role: String?, _ reach: Reach, targetRoles: Set<String>? = nil, exceptDomains: Bool = false) {
    self.role = role
    self.reach = reach
    self.targetRoles = targetRoles
    self.exceptDomains = exceptDomains
  }

  /// Whether there may be a resource for which it fits.
  public func mayFit(_ principal: Principal) -> Bool {
    guard role.map(principal.has(role:)) ?? true, !(exceptDomains && principal.domainID != nil) else { return false }
    return switch reach {
    case .everywhere, .own: true
    case .system: principal.scope == .system
    case .domain: principal.domainID != nil
    case .project: principal.projectID != nil
    }
  }

  /// Whether it fits for this resource.
  public func fits(_ principal: Principal, _ target: PolicyTarget) -> Bool {
    guard mayFit(principal) else { return false }
    if let targetRoles, !(target.roleName.map(targetRoles.contains) ?? false) { return false }
    return switch reach {
    case .everywhere, .system: true
    case .domain: !target.domainIDs.isEmpty && target.domainIDs.allSatisfy { $0 == principal.domainID }
    case .project: target.projectID != nil && target.projectID == principal.projectID
    case .own: target.userIDs.contains(principal.userID)
    }
  }
}

extension PolicyClause: CustomStringConvertible {
  public var description: String {
    let who = role ?? "any role"
    let roles = targetRoles.map { " for roles " + $0.sorted().joined(separator: ", ") } ?? ""
    return switch reach {
    case .everywhere: who + roles
    case .system: who + " of the system" + roles
    case .domain: who + " of its domain" + roles
    case .project: who + " of its project" + roles
    case .own: role.map { "owner with \($0)" } ?? "owner"
    }
  }
}
