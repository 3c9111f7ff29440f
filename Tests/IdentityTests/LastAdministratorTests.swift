import Auth
import Contracts
import Kit
import Store
import Synchronization
import Testing

@testable import Identity

/// Nobody takes the last administrator away by accident: not of the system, and not of a domain or project that holds
/// something.
struct LastAdministratorTests {
  /// Says how many servers a project has.
  struct Lab: ResourceHolder {
    let servers: @Sendable (String) -> Int

    func holdings(_ tx: Transaction, projects: [String], idsMax: Int) throws -> [Holding] {
      let count = projects.map(servers).reduce(0, +)
      return count == 0 ? [] : [Holding(kind: "server", count: count, ids: [])]
    }
  }

  /// Everything by which the only administrator of the system could get lost.
  @Test(arguments: ["user", "disabled", "grant", "group", "member", "role", "inference", "domain", "domain-disabled"])
  func ofTheSystem(way: String) async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    // The administrator is one by a group and by a role that brings admin, in a domain of its own.
    let domain = try await cloud.make("/v3/domains", #"{"domain": {"name": "ops"}}"#, token: admin)
    let home = way == "domain" ? "default" : domain
    let user = try await cloud.make(
      "/v3/users", #"{"user": {"name": "root", "domain_id": "\#(home)"}}"#, token: admin)
    let group = try await cloud.make(
      "/v3/groups", #"{"group": {"name": "roots", "domain_id": "\#(domain)"}}"#, token: admin)
    let role = try await cloud.make("/v3/roles", #"{"role": {"name": "owner"}}"#, token: admin)
    let adminRole = try await cloud.role("admin", token: admin)
    // The API lets no role imply admin, as Keystone's does not; an imported store may have one.
    _ = try await cloud.store.write { tx in try RoleTable.imply(tx, role, adminRole) }
    for path in ["/v3/groups/\(group)/users/\(user)", "/v3/system/groups/\(group)/roles/\(role)"] {
      #expect(await cloud.send("PUT", path, token: admin).status / 100 == 2)
    }
    let own = "/v3/system/users/\(cloud.ids.adminUserID)/roles/\(adminRole)"
    #expect(await cloud.send("DELETE", own, token: admin).status == 204)
    let disabled = #"{"domain": {"enabled": false}}"#
    if way == "domain" {
      #expect(await cloud.send("PATCH", "/v3/domains/\(domain)", disabled, token: admin).status == 200)
    }
    let disable = #"{"user": {"enabled": false}}"#
    let (method, path, body): (String, String, String?) =
      switch way {
      case "user": ("DELETE", "/v3/users/\(user)", nil)
      case "disabled": ("PATCH", "/v3/users/\(user)", disable)
      case "grant": ("DELETE", "/v3/system/groups/\(group)/roles/\(role)", nil)
      case "group": ("DELETE", "/v3/groups/\(group)", nil)
      case "member": ("DELETE", "/v3/groups/\(group)/users/\(user)", nil)
      case "role": ("DELETE", "/v3/roles/\(role)", nil)
      case "inference": ("DELETE", "/v3/roles/\(role)/implies/\(adminRole)", nil)
      case "domain": ("DELETE", "/v3/domains/\(domain)", nil)
      default: ("PATCH", "/v3/domains/\(domain)", disabled)
      }
    let before = try await Dump(cloud)
    let refused = await cloud.send(method, path, body, token: admin)
    #expect(refused.isFault(409), "\(refused.text)")
    #expect(refused.text.contains("last administrator of the system"))
    #expect(refused.text.contains("openstack role add"))
    #expect(try await Dump(cloud) == before)
    // A second one: nothing is lost.
    #expect(await cloud.send("PUT", own, token: admin).status == 204)
    #expect(await cloud.send(method, path, body, token: admin).status / 100 == 2)
  }

  @Test func whatIsMeantIsDone() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let path = "/v3/users/\(cloud.ids.adminUserID)"
    #expect(await cloud.send("DELETE", path, token: admin).isFault(409))
    #expect(await cloud.send("DELETE", path + "?force=false", token: admin).isFault(409))
    // A second administrator of the system who is disabled, and one of a project, are none.
    let other = try await cloud.make("/v3/users", #"{"user": {"name": "b", "enabled": false}}"#, token: admin)
    let role = try await cloud.role("admin", token: admin)
    for place in ["system", "projects/\(cloud.ids.demoProjectID)"] {
      #expect(await cloud.send("PUT", "/v3/\(place)/users/\(other)/roles/\(role)", token: admin).status == 204)
    }
    #expect(await cloud.send("DELETE", path, token: admin).isFault(409))
    #expect(await cloud.send("DELETE", path + "?force=true", token: admin).status == 204)
    #expect(await cloud.send("GET", "/v3/users", token: admin).isFault(401))
  }

  @Test func onlyAdministratorsForce() async throws {
    let personas = try await Personas()
    let cloud = personas.cloud
    let admin = try await cloud.admin()
    let adminRole = try await cloud.role("admin", token: admin)
    let boss = try personas.userID(.init(scope: .system, level: .admin))
    let own = "/v3/system/users/\(cloud.ids.adminUserID)/roles/\(adminRole)"
    #expect(await cloud.send("DELETE", own, token: admin).status == 204)
    let manager = try personas.token(.domain, .manager)
    #expect(await cloud.send("DELETE", "/v3/users/\(boss)?force=true", token: manager).isFault(409))
  }

  @Test func ofAProjectAndADomainThatHoldSomething() async throws {
    let demo = Later()
    let cloud = try await Fixture(holders: [Lab { $0 == demo.id ? 3 : 0 }])
    demo.set(cloud.ids.demoProjectID)
    let admin = try await cloud.admin()
    let role = try await cloud.role("admin", token: admin)
    let user = try await cloud.make("/v3/users", #"{"user": {"name": "lead"}}"#, token: admin)
    let empty = try await cloud.make("/v3/projects", #"{"project": {"name": "empty"}}"#, token: admin)
    for project in [cloud.ids.demoProjectID, empty] {
      #expect(
        await cloud.send("PUT", "/v3/projects/\(project)/users/\(user)/roles/\(role)", token: admin).status == 204)
    }
    let refused = await cloud.send("DELETE", "/v3/users/\(user)", token: admin)
    #expect(refused.isFault(409))
    #expect(refused.text.contains("holds 3 servers"))
    let grant = "/v3/projects/\(cloud.ids.demoProjectID)/users/\(user)/roles/\(role)"
    #expect(await cloud.send("DELETE", grant, token: admin).isFault(409))
    // Nothing is lost where nothing is.
    #expect(
      await cloud.send("DELETE", "/v3/projects/\(empty)/users/\(user)/roles/\(role)", token: admin).status == 204)
    // Who inherits the role from the domain administers the project, too.
    let inherited =
      "/v3/OS-INHERIT/domains/default/users/\(cloud.ids.adminUserID)/roles/\(role)/inherited_to_projects"
    #expect(await cloud.send("PUT", inherited, token: admin).status == 204)
    #expect(await cloud.send("DELETE", "/v3/users/\(user)", token: admin).status == 204)
    // And is the last one then, of a project that has none of its own.
    #expect(await cloud.send("DELETE", inherited, token: admin).isFault(409))
    #expect(
      await cloud.send("DELETE", "/v3/domains/default/users/\(cloud.ids.adminUserID)/roles/\(role)", token: admin)
        .isFault(409))
  }

  /// A lock that only an administrator could end must not meet the only one; others it meets.
  @Test func guessesLockTheLastAdministratorOutForATimeOnly() async throws {
    var settings = IdentitySettings()
    settings.lockoutSeconds = 0
    settings.lockoutFailures = 1
    let cloud = try await Fixture(settings: settings)
    for name in ["admin", "demo"] {
      let wrong = await cloud.send("POST", "/v3/auth/tokens", Bodies.password(name, "wrong"))
      #expect(wrong.isFault(401))
    }
    cloud.moveClock(seconds: 100_000)
    let admin = await cloud.send("POST", "/v3/auth/tokens", Bodies.password("admin", Fixture.adminPassword))
    #expect(admin.status == 201)
    let demo = await cloud.send("POST", "/v3/auth/tokens", Bodies.password("demo", Fixture.demoPassword))
    #expect(demo.isFault(401))
  }

  /// An id that is known only once the fixture is made.
  private final class Later: Sendable {
    private let value = Mutex<String?>(nil)
    var id: String? { value.withLock { $0 } }
    func set(_ id: String) { value.withLock { $0 = id } }
  }
}
