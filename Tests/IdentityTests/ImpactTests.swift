import Auth
import Contracts
import Kit
import Store
import Testing

@testable import Identity

/// What a delete would take away is told, and nothing is deleted.
struct ImpactTests {
  /// Servers in the projects called so, and a key pair of everybody.
  private struct Lab: ResourceHolder {
    func holdings(_ tx: Transaction, projects: [String], idsMax: Int) throws -> [Holding] {
      let count = try tx.count(
        "SELECT count(*) FROM identity_project WHERE name = 'lab' AND id IN (\(list: projects))")
      return count == 0 ? [] : [Holding(kind: "server", count: 3, ids: ["s1", "s2", "s3"])]
    }

    func holdings(_ tx: Transaction, user: String, idsMax: Int) throws -> [Holding] {
      [Holding(kind: "keypair", count: 1, ids: ["laptop"])]
    }
  }

  private func send(
    _ cloud: Fixture, _ kind: String, _ id: String, _ token: String
  ) async throws -> JSONValue {
    let reply = await cloud.send("DELETE", "/v3/\(kind)s/\(id)?impact=true", token: token)
    #expect(reply.status == 200, "\(reply.text)")
    #expect(!reply.text.contains("scrypt"))
    return try #require(reply.json["impact"])
  }

  @Test func ofAUserOnWhomThingsDepend() async throws {
    let cloud = try await Fixture(holders: [Lab()])
    let admin = try await cloud.admin()
    let anna = try await cloud.make("/v3/users", #"{"user": {"name": "anna"}}"#, token: admin)
    let other = try await cloud.make("/v3/users", #"{"user": {"name": "bert"}}"#, token: admin)
    let lab = try await cloud.make("/v3/projects", #"{"project": {"name": "lab"}}"#, token: admin)
    let member = try await cloud.role("member", token: admin)
    let grant = "/v3/projects/\(lab)/users/\(anna)/roles/\(member)"
    #expect(await cloud.send("PUT", grant, token: admin).status == 204)
    let credential = Identifier.hex()
    try await cloud.store.write { tx in
      try ApplicationCredentialTable.insert(
        tx,
        ApplicationCredential(
          id: credential, userID: anna, name: "robot", projectID: lab, description: nil, expiresAt: nil,
          unrestricted: false, roles: [Named(id: member, name: "member")]), secretHash: "scrypt-hash")
    }
    await cloud.identity.core.noteUse(.applicationCredential, credential)
    let before = try await Dump(cloud)
    let impact = try await send(cloud, "user", anna, admin)
    #expect(try await Dump(cloud) == before)
    #expect(impact["name"]?.string == "anna")
    #expect(impact["assignments"]?["count"]?.int == 1)
    #expect(impact["assignments"]?["first"]?.array?.first?["role_name"]?.string == "member")
    #expect(impact["assignments"]?["first"]?.array?.first?["project_name"]?.string == "lab")
    #expect(impact["application_credentials"]?["first"]?.array?.first?["name"]?.string == "robot")
    #expect(impact["automation"]?["first"]?.array?.map { $0["name"]?.string } == ["robot"])
    #expect(impact["keypairs"]?.array?.first?["ids"] == .array([.string("laptop")]))
    let unreachable = try #require(impact["unreachable"]?.array)
    #expect(unreachable.map { $0["project_name"]?.string } == ["lab"])
    #expect(unreachable.first?["holds"]?.array?.first?["count"]?.int == 3)
    #expect(impact["refused_without_force"]?.isNull == true)
    // With another one there nothing gets out of reach.
    #expect(
      await cloud.send("PUT", "/v3/projects/\(lab)/users/\(other)/roles/\(member)", token: admin).status == 204)
    #expect(try await send(cloud, "user", anna, admin)["unreachable"]?.array?.isEmpty == true)
    #expect(try await send(cloud, "user", other, admin)["application_credentials"]?["count"]?.int == 0)
  }

  @Test func ofARoleThatManyHave() async throws {
    let cloud = try await Fixture(holders: [Lab()])
    let admin = try await cloud.admin()
    let role = try await cloud.make("/v3/roles", #"{"role": {"name": "auditor"}}"#, token: admin)
    let group = try await cloud.make("/v3/groups", #"{"group": {"name": "team"}}"#, token: admin)
    let lab = try await cloud.make("/v3/projects", #"{"project": {"name": "lab"}}"#, token: admin)
    var users: [String] = []
    for name in ["anna", "bert"] {
      users.append(try await cloud.make("/v3/users", #"{"user": {"name": "\#(name)"}}"#, token: admin))
    }
    for path in [
      "/v3/groups/\(group)/users/\(users[0])", "/v3/projects/\(lab)/groups/\(group)/roles/\(role)",
      "/v3/domains/default/users/\(users[1])/roles/\(role)",
    ] { #expect(await cloud.send("PUT", path, token: admin).status == 204) }
    let impact = try await send(cloud, "role", role, admin)
    #expect(impact["assignments"]?["count"]?.int == 2)
    #expect(impact["users_without_role"]?["count"]?.int == 2)
    #expect(
      impact["users_without_role"]?["first"]?.array?.compactMap { $0["name"]?.string }.sorted() == ["anna", "bert"])
    #expect(impact["unreachable"]?.array?.count == 1)
    #expect(try await send(cloud, "group", group, admin)["users_without_role"]?["count"]?.int == 1)
    #expect(try await send(cloud, "project", lab, admin)["unreachable"]?.array?.count == 1)
    #expect(await cloud.send("GET", "/v3/roles/\(role)", token: admin).status == 200)
  }

  @Test func ofADomainThatIsStillEnabled() async throws {
    let personas = try await Personas()
    let admin = try await personas.cloud.admin()
    let impact = try await send(personas.cloud, "domain", personas.domainID, admin)
    #expect(impact["users"]?["count"]?.int == 4)
    #expect(impact["rows"]?["user"]?.int == 4)
    let domain = await personas.cloud.send("GET", "/v3/domains/\(personas.domainID)", token: admin)
    #expect(domain.json["domain"]?["enabled"] == .bool(true))
  }

  @Test func saysWhatWouldBeRefused() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let impact = try await send(cloud, "user", cloud.ids.adminUserID, admin)
    #expect(impact["refused_without_force"]?.string?.contains("last administrator of the system") == true)
  }

  /// Who may not delete learns nothing.
  @Test func isForThoseWhoMayDelete() async throws {
    let personas = try await Personas()
    let cloud = personas.cloud
    for kind in ["users/\(cloud.ids.demoUserID)", "projects/\(cloud.ids.demoProjectID)", "domains/default"] {
      for level in [Personas.Level.reader, .member, .manager] {
        let token = try personas.token(.domain, level)
        #expect(await cloud.send("DELETE", "/v3/\(kind)?impact=true", token: token).isFault(403), "\(kind) \(level)")
      }
    }
    #expect(await cloud.send("DELETE", "/v3/users/none?impact=true", token: try await cloud.admin()).isFault(404))
  }

  @Test func loginsAreNotedOnceAMinute() async throws {
    let cloud = try await Fixture()
    let (core, user) = (cloud.identity.core, cloud.ids.demoUserID)
    func used() async throws -> Timestamp? {
      try await cloud.store.read { tx in try LastUseTable.times(tx, .user, [user])[user] }
    }
    await core.noteUse(.user, user)
    let first = try #require(await used())
    await core.noteUse(.user, user)
    #expect(try await used() == first)
    cloud.moveClock(seconds: 61)
    await core.noteUse(.user, user)
    #expect(try #require(await used()) > first)
    // A login by password is one.
    cloud.moveClock(seconds: 61)
    let before = try #require(await used())
    _ = try await cloud.freshDemo()
    #expect(try #require(await used()) > before)
  }
}
