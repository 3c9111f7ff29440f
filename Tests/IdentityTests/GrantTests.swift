import Kit
import Testing

@testable import Identity

/// Giving and taking roles: who may, and what holds together. After keystone_tempest_plugin's `test_grant`.
@Suite struct GrantTests {
  /// The personas' own domain, and another one, with everything that a grant can name.
  private final class Stage: Sendable {
    struct Side: Sendable {
      var domain: String
      var project: String
      var user: String
      var group: String
      var role: String
    }
    let personas: Personas
    let admin: String
    let own: Side
    let other: Side
    let global: String
    let member: String

    init() async throws {
      let personas = try await Personas()
      let cloud = personas.cloud
      let admin = try await cloud.admin()
      func make(_ kind: String, _ domain: String) async throws -> String {
        try await cloud.make(
          "/v3/\(kind)s", #"{"\#(kind)": {"name": "a \#(kind)", "domain_id": "\#(domain)"}}"#, token: admin)
      }
      func side(_ domain: String) async throws -> Side {
        Side(
          domain: domain, project: try await make("project", domain), user: try await make("user", domain),
          group: try await make("group", domain), role: try await make("role", domain))
      }
      own = try await side(personas.domainID)
      other = try await side("default")
      global = try await cloud.make("/v3/roles", #"{"role": {"name": "global"}}"#, token: admin)
      member = try await cloud.role("member", token: admin)
      self.personas = personas
      self.admin = admin
    }

    func path(_ place: String, _ actor: String, _ role: String) -> String { "/v3\(place)\(actor)/roles/\(role)" }
  }

  /// Every combination of place, actor and role.
  @Test func personas() async throws {
    let stage = try await Stage()
    let cloud = stage.personas.cloud
    for persona in Personas.all {
      let isAdmin = persona.level == .admin
      for (placed, place, project) in [
        (stage.own, "/projects/\(stage.own.project)", true), (stage.other, "/projects/\(stage.other.project)", true),
        (stage.own, "/domains/\(stage.own.domain)", false), (stage.other, "/domains/\(stage.other.domain)", false),
      ] {
        for (acting, actor) in [
          (stage.own, "/users/\(stage.own.user)"), (stage.other, "/users/\(stage.other.user)"),
          (stage.own, "/groups/\(stage.own.group)"),
        ] {
          let within = persona.scope == .domain && placed.domain == stage.own.domain && acting.domain == placed.domain
          let reads = isAdmin || persona.scope == .system || within
          func expect(_ status: Int, _ method: String, _ path: String) async throws {
            let answered = try await stage.personas.status(persona, method, path)
            #expect(answered == status, "\(persona): \(method) \(path)")
          }
          try await expect(reads ? 200 : 403, "GET", "/v3\(place)\(actor)/roles")
          for role in [stage.global, stage.member, stage.own.role, stage.other.role] {
            let path = stage.path(place, actor, role)
            let fits = !project || role != stage.own.role && role != stage.other.role || role == placed.role
            let changes = isAdmin || persona.level == .manager && within && role == stage.member
            try await expect(changes ? fits ? 204 : 403 : 403, "PUT", path)
            if !changes, fits { #expect(await cloud.send("PUT", path, token: stage.admin).status == 204) }
            // Within a domain, roles of others are not seen.
            let sees = isAdmin || persona.scope == .system || within && role != stage.other.role
            try await expect(sees ? fits ? 204 : 404 : 403, "HEAD", path)
            try await expect(changes ? fits ? 204 : 404 : 403, "DELETE", path)
            if !changes, fits { #expect(await cloud.send("DELETE", path, token: stage.admin).status == 204) }
          }
        }
      }
    }
  }

  @Test func system() async throws {
    let stage = try await Stage()
    let cloud = stage.personas.cloud
    for persona in Personas.all {
      let isAdmin = persona.level == .admin && persona.scope != .domain
      let reads = isAdmin || persona.scope == .system
      for actor in ["/users/\(stage.own.user)", "/groups/\(stage.own.group)"] {
        let path = stage.path("/system", actor, stage.member)
        for (method, path, allowed, status) in [
          ("PUT", path, isAdmin, 204), ("GET", "/v3/system\(actor)/roles", reads, 200), ("DELETE", path, isAdmin, 204),
        ] {
          let answered = try await stage.personas.status(persona, method, path)
          #expect(answered == (allowed ? status : 403), "\(persona): \(method) \(path)")
        }
        #expect(await cloud.send("PUT", path, token: stage.admin).status == 204)
        #expect(try await stage.personas.status(persona, "HEAD", path) == (reads ? 204 : 403), "\(persona)")
        #expect(await cloud.send("DELETE", path, token: stage.admin).status == 204)
      }
    }
    // A role of a domain is for its projects.
    let path = stage.path("/system", "/users/\(stage.own.user)", stage.own.role)
    #expect(await cloud.send("PUT", path, token: stage.admin).isFault(400))
  }

  /// What does not exist is told to those who may see everything, and to nobody else.
  @Test func whatDoesNotExist() async throws {
    let stage = try await Stage()
    let project = "/projects/\(stage.own.project)"
    for path in [
      stage.path(project, "/users/none", stage.member), stage.path(project, "/groups/none", stage.member),
      stage.path(project, "/users/\(stage.own.user)", "none"),
      stage.path("/projects/none", "/users/\(stage.own.user)", stage.member),
      stage.path("/domains/none", "/users/\(stage.own.user)", stage.member),
    ] {
      for method in ["PUT", "HEAD", "DELETE"] {
        #expect(await stage.personas.cloud.send(method, path, token: stage.admin).status == 404, "\(method) \(path)")
        let stranger = try await stage.personas.status(.init(scope: .project, level: .manager), method, path)
        #expect(stranger == 403, "\(method) \(path)")
      }
      if !path.contains("/roles/none") {
        let manager = try await stage.personas.status(.init(scope: .domain, level: .manager), "PUT", path)
        #expect(manager == 403, "\(path)")
      }
    }
  }

  /// A manager gives no more than it may, by no detour: not by a role of its domain that is called like a lesser one.
  @Test func managersGiveNoMoreThanTheyMay() async throws {
    let stage = try await Stage()
    let cloud = stage.personas.cloud
    let trap = try await cloud.make(
      "/v3/roles", #"{"role": {"name": "member", "domain_id": "\#(stage.own.domain)"}}"#, token: stage.admin)
    let manager = Personas.Persona(scope: .domain, level: .manager)
    for role in [trap, try await cloud.role("admin", token: stage.admin)] {
      for prefix in ["/v3", "/v3/OS-INHERIT"] {
        let path = "\(prefix)/domains/\(stage.own.domain)/users/\(stage.own.user)/roles/\(role)"
        let full = prefix == "/v3" ? path : path + "/inherited_to_projects"
        #expect(try await stage.personas.status(manager, "PUT", full) == 403, "\(full)")
      }
    }
    let inherited =
      "/v3/OS-INHERIT/domains/\(stage.own.domain)/users/\(stage.own.user)/roles/\(stage.member)/inherited_to_projects"
    #expect(try await stage.personas.status(manager, "PUT", inherited) == 204)
    #expect(try await stage.personas.status(manager, "HEAD", inherited) == 204)
    #expect(try await stage.personas.status(.init(scope: .domain, level: .reader), "DELETE", inherited) == 403)
    #expect(try await stage.personas.status(manager, "DELETE", inherited) == 204)
  }
}
