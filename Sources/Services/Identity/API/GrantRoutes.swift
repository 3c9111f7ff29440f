import API
import Auth
import Kit
import Store

/// Giving a role to a user or a group in a project, a domain or the system, or in all projects below, and taking it
/// away.
struct GrantRoutes: Sendable {
  let core: IdentityCore

  /// Where grants hang in the API, and what Keystone calls their policies.
  private struct Family {
    var list: String
    var one: String
    var policies: Policies
  }

  private struct Policies {
    var list: Permission
    var check: Permission
    var create: Permission
    var revoke: Permission
  }

  /// Of projects and domains: a domain's reader looks, its manager gives and takes.
  private static let common = Policies(
    list: .identity("list_grants", IdentityPolicy.adminOrSystemReaderOrDomainReader),
    check: .identity("check_grant", IdentityPolicy.adminOrSystemReaderOrDomainReader),
    create: .identity("create_grant", IdentityPolicy.changeGrant),
    revoke: .identity("revoke_grant", IdentityPolicy.changeGrant))

  /// Of the system.
  private static func system(_ actor: String) -> Policies {
    Policies(
      list: .identity("list_system_grants_for_\(actor)", IdentityPolicy.adminOrSystemReader),
      check: .identity("check_system_grant_for_\(actor)", IdentityPolicy.adminOrSystemReader),
      create: .identity("create_system_grant_for_\(actor)", IdentityPolicy.admin),
      revoke: .identity("revoke_system_grant_for_\(actor)", IdentityPolicy.admin))
  }

  private static var families: [Family] {
    var families: [Family] = []
    for actor in ["user", "group"] {
      let who = "/\(actor)s/{\(actor)_id}/roles"
      for target in ["/projects/{project_id}", "/domains/{domain_id}"] {
        let path = target + who
        families.append(Family(list: "/v3" + path, one: "/v3\(path)/{role_id}", policies: common))
        let inherited = "/inherited_to_projects"
        families.append(
          Family(
            list: "/v3/OS-INHERIT\(path)\(inherited)", one: "/v3/OS-INHERIT\(path)/{role_id}\(inherited)",
            policies: common))
      }
      families.append(Family(list: "/v3/system" + who, one: "/v3/system\(who)/{role_id}", policies: system(actor)))
    }
    return families
  }

  var routes: [Route] {
    Self.families.flatMap { family in
      [
        Route(.get, family.list, family.policies.list, query: .unread) { try await list($0) },
        Route(.get, family.one, family.policies.check, query: .unread) { try await check($0) },
        Route(.put, family.one, family.policies.create, query: .unread) { try await put($0) },
        Route(.delete, family.one, family.policies.revoke, query: .forced) { try await delete($0) },
      ]
    }
  }

  /// What the policy is asked about; rights on the system are decided by the token alone.
  private static func target(
    _ call: Call, _ path: GrantPath, _ facts: GrantPath.Facts, withRoleDomain: Bool = false
  ) -> PolicyTarget? {
    path.grant.target == .system ? call.cloudTarget : facts.target(withRoleDomain: withRoleDomain)
  }

  private func list(_ call: Call) async throws -> Reply {
    let path = try GrantPath(call)
    let roles = try await core.store.read { tx in
      let facts = try path.facts(tx)
      try call.require(on: Self.target(call, path, facts))
      try facts.check(path)
      return try AssignmentTable.roles(tx, path.grant)
    }
    return call.list("roles", roles) { $0.role($1, call) }
  }

  private func check(_ call: Call) async throws -> Reply {
    let path = try GrantPath(call)
    let role = try call.parameter("role_id")
    try await core.store.read { tx in
      let facts = try path.facts(tx, role: role)
      // Who looks within one domain does not see roles of others.
      try call.require(on: Self.target(call, path, facts, withRoleDomain: true))
      try facts.check(path)
      guard try AssignmentTable.exists(tx, path.grant, role: role) else { throw Fault.noSuch("role assignment", role) }
    }
    return .done
  }

  private func put(_ call: Call) async throws -> Reply {
    let path = try GrantPath(call)
    let role = try call.parameter("role_id")
    try await core.store.write { tx in
      let facts = try path.facts(tx, role: role)
      try call.require(on: Self.target(call, path, facts))
      try facts.check(path)
      try facts.checkDomainOfRole(path)
      try AssignmentTable.insert(tx, path.grant, role: role)
    }
    return .done
  }

  private func delete(_ call: Call) async throws -> Reply {
    let path = try GrantPath(call)
    let role = try call.parameter("role_id")
    try await core.writeKeepingAdministrators(call) { tx in
      let facts = try path.facts(tx, role: role)
      try call.require(on: Self.target(call, path, facts))
      try facts.check(path)
      guard try AssignmentTable.delete(tx, path.grant, role: role) else { throw Fault.noSuch("role assignment", role) }
    }
    return .done
  }
}

/// What a grant's path names.
struct GrantPath: Sendable {
  let grant: AssignmentTable.Grant
  let roleID: String?

  /// Throws `Fault` 404 for a path without an actor.
  init(_ call: Call) throws {
    let actor: Actor =
      if let group = call.parameters["group_id"] { .group(group) } else { .user(try call.parameter("user_id")) }
    let target: Target =
      if let project = call.parameters["project_id"] {
        .project(project)
      } else if let domain = call.parameters["domain_id"] {
        .domain(domain)
      } else {
        .system
      }
    grant = AssignmentTable.Grant(
      actor: actor, target: target, inherited: call.path.hasSuffix("/inherited_to_projects"))
    roleID = call.parameters["role_id"]
  }

  /// What the store knows of a grant's parts.
  struct Facts {
    /// nil where the actor does not exist.
    var actorDomain: String?
    /// nil where the place does not exist, and for the system.
    var targetDomain: String?
    /// nil where there is no such role, or none was asked for.
    var role: Role?
  }

  func facts(_ tx: Transaction, role id: String? = nil) throws -> Facts {
    var facts = Facts()
    facts.actorDomain =
      switch grant.actor {
      case .user(let id): try UserTable.find(tx, id)?.domainID
      case .group(let id): try GroupTable.find(tx, id)?.domainID
      }
    facts.targetDomain =
      switch grant.target {
      case .project(let id): try ProjectTable.forToken(tx, id, isDomain: false)?.domainID
      case .domain(let id): try ProjectTable.forToken(tx, id, isDomain: true)?.id
      case .system: nil
      }
    if let id { facts.role = try RoleTable.find(tx, id) }
    return facts
  }
}

extension GrantPath.Facts {
  /// What a policy may look at; nil where something of it does not exist.
  func target(withRoleDomain: Bool = false) -> PolicyTarget? {
    guard let actorDomain, let targetDomain else { return nil }
    let domains = [actorDomain, targetDomain] + (withRoleDomain ? role?.domainID.map { [$0] } ?? [] : [])
    // A role of a domain may be called like one of the cloud that a manager may give, and imply anything.
    return PolicyTarget(domainIDs: domains, roleName: role?.domainID == nil ? role?.name : nil)
  }

  /// Throws `Fault` 404 where something of a grant does not exist.
  func check(_ path: GrantPath) throws {
    if let id = path.roleID, role == nil { throw Fault.noSuch("role", id) }
    switch path.grant.actor {
    case .user(let id): if actorDomain == nil { throw Fault.noSuch("user", id) }
    case .group(let id): if actorDomain == nil { throw Fault.noSuch("group", id) }
    }
    switch path.grant.target {
    case .project(let id): if targetDomain == nil { throw Fault.noSuch("project", id) }
    case .domain(let id): if targetDomain == nil { throw Fault.noSuch("domain", id) }
    case .system: break
    }
  }

  /// A role of a domain holds in that domain's projects only. Throws `Fault` 403, for the system 400.
  func checkDomainOfRole(_ path: GrantPath) throws {
    guard let role, let domain = role.domainID else { return }
    switch path.grant.target {
    case .project(let id) where domain != targetDomain:
      throw Fault.forbidden("The role \(role.id.quoted) is of another domain than the project \(id.quoted).")
    case .system: throw Fault.badRequest("A role of a domain cannot be assigned on the system.")
    // As in Keystone: what it implies can be had on any domain.
    case .domain, .project: break
    }
  }
}
