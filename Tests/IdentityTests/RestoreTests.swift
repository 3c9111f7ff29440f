import Auth
import Converge
import Kit
import Store
import Testing

@testable import Identity

/// Deleting so that it can be restored: nothing of it is left in power, and all of it comes back.
struct RestoreTests {
  /// A user with a role in a project and in a domain, itself and by a group, and an application credential.
  private struct Person {
    let cloud: Fixture
    let admin: String
    let user: String
    let group: String
    let role: String
    let project: String

    init(_ cloud: Fixture) async throws {
      self.cloud = cloud
      admin = try await cloud.admin()
      let admin = admin
      user = try await cloud.make("/v3/users", #"{"user": {"name": "anna", "colour": "red"}}"#, token: admin)
      group = try await cloud.make("/v3/groups", #"{"group": {"name": "team"}}"#, token: admin)
      role = try await cloud.make("/v3/roles", #"{"role": {"name": "auditor"}}"#, token: admin)
      project = try await cloud.make(
        "/v3/projects", #"{"project": {"name": "lab", "tags": ["x", "y"]}}"#, token: admin)
      let member = try await cloud.role("member", token: admin)
      for path in [
        "/v3/groups/\(group)/users/\(user)", "/v3/projects/\(project)/users/\(user)/roles/\(member)",
        "/v3/projects/\(project)/users/\(user)/roles/\(role)", "/v3/domains/default/groups/\(group)/roles/\(role)",
      ] {
        let reply = await cloud.send("PUT", path, token: admin)
        try #require(reply.status == 204, "\(path): \(reply.text)")
      }
      let (id, holder, place) = (Identifier.hex(), user, project)
      let roles = [Named(id: member, name: "member"), Named(id: role, name: "auditor")]
      try await cloud.store.write { tx in
        let credential = ApplicationCredential(
          id: id, userID: holder, name: "robot", projectID: place, description: nil, expiresAt: nil,
          unrestricted: false, roles: roles)
        try ApplicationCredentialTable.insert(tx, credential, secretHash: "scrypt-hash-of-robot")
      }
    }

    func delete(_ kind: String, _ id: String) async {
      let reply = await cloud.send("DELETE", "/v3/\(kind)s/\(id)", token: admin)
      #expect(reply.status == 204, "\(reply.text)")
    }

    func entry(_ id: String) async throws -> String {
      let list = await cloud.send("GET", "/v3/haneul/deleted?object_id=\(id)", token: admin)
      return try #require(list.ids("deleted").first, "\(list.text)")
    }

    @discardableResult
    func restore(_ id: String) async throws -> Answer {
      await cloud.send("POST", "/v3/haneul/deleted/\(try await entry(id))/restore", token: admin)
    }

    /// A token of the user's for the project, as of a generation.
    func token(generation: Int = 0) throws -> String {
      try cloud.seal(user: user, .project(id: project, generation: 0), generation: generation)
    }
  }

  @Test func aUserComesBackAsItWas() async throws {
    let person = try await Person(try await Fixture())
    let cloud = person.cloud
    let token = try person.token()
    #expect(await cloud.send("GET", "/v3/auth/projects", token: token).ids("projects") == [person.project])
    let before = try await Dump(cloud)
    await person.delete("user", person.user)
    #expect(await cloud.send("GET", "/v3/auth/projects", token: token).isFault(401))
    #expect(await cloud.send("GET", "/v3/users/\(person.user)", token: person.admin).isFault(404))
    #expect(await cloud.send("GET", "/v3/users?name=anna", token: person.admin).ids("users").isEmpty)
    let gone = try await Dump(cloud)
    #expect(gone.count("application_credential") == before.count("application_credential") - 1)
    #expect(gone.count("role_assignment") == before.count("role_assignment") - 2)
    let restored = try await person.restore(person.user)
    #expect(restored.status == 200, "\(restored.text)")
    #expect(restored.json["restored"]?["rows"]?["application_credential_role"]?.int == 2)
    #expect(restored.json["restored"]?["dropped"]?.array?.isEmpty == true)
    #expect(try await Dump(cloud).difference(before).joined(separator: " ") == "")
    // What was issued before stays dead; what is issued now has all the rights of before.
    #expect(await cloud.send("GET", "/v3/auth/projects", token: token).isFault(401))
    let fresh = try person.token(generation: 1)
    #expect(await cloud.send("GET", "/v3/auth/projects", token: fresh).ids("projects") == [person.project])
    #expect(await cloud.send("GET", "/v3/haneul/deleted", token: person.admin).ids("deleted").isEmpty)
  }

  @Test(arguments: ["group", "role", "project"])
  func othersComeBackAsTheyWere(kind: String) async throws {
    let person = try await Person(try await Fixture())
    let id = kind == "group" ? person.group : kind == "role" ? person.role : person.project
    let before = try await Dump(person.cloud)
    await person.delete(kind, id)
    #expect(try await Dump(person.cloud).difference(before).count >= 2)
    let restored = try await person.restore(id)
    #expect(restored.status == 200, "\(restored.text)")
    #expect(try await Dump(person.cloud).difference(before).joined(separator: " ") == "")
  }

  @Test func aDomainComesBackWithAllThatIsInIt() async throws {
    let personas = try await Personas()
    let cloud = personas.cloud
    let admin = try await cloud.admin()
    let below = try await cloud.make(
      "/v3/projects",
      #"{"project": {"name": "below", "parent_id": "\#(personas.projectID)", "domain_id": "\#(personas.domainID)"}}"#,
      token: admin)
    let group = try await cloud.make(
      "/v3/groups", #"{"group": {"name": "g", "domain_id": "\#(personas.domainID)"}}"#, token: admin)
    let disabled = #"{"domain": {"enabled": false}}"#
    let path = "/v3/domains/\(personas.domainID)"
    #expect(await cloud.send("PATCH", path, disabled, token: admin).status == 200)
    let before = try await Dump(cloud)
    #expect(await cloud.send("DELETE", path, token: admin).status == 204)
    for gone in ["projects/\(below)", "groups/\(group)", "domains/\(personas.domainID)"] {
      #expect(await cloud.send("GET", "/v3/\(gone)", token: admin).isFault(404))
    }
    let list = await cloud.send("GET", "/v3/haneul/deleted?kind=domain&name=personas", token: admin)
    let entry = try #require(list.ids("deleted").first, "\(list.text)")
    let restored = await cloud.send("POST", "/v3/haneul/deleted/\(entry)/restore", token: admin)
    #expect(restored.status == 200, "\(restored.text)")
    #expect(try await Dump(cloud).difference(before).joined(separator: " ") == "")
    // The tokens of everybody in it stay dead.
    let token = try personas.token(.project, .reader)
    #expect(await cloud.send("PATCH", path, #"{"domain": {"enabled": true}}"#, token: admin).status == 200)
    #expect(await cloud.send("GET", "/v3/auth/projects", token: token).isFault(401))
  }

  /// An assignment belongs to a user and to a role: it is back when both are, whoever came first.
  @Test(arguments: [true, false])
  func whatBelongsToTwoComesBackWithTheLast(userFirst: Bool) async throws {
    let person = try await Person(try await Fixture())
    let before = try await Dump(person.cloud)
    await person.delete("user", person.user)
    await person.delete("role", person.role)
    let order = userFirst ? [person.user, person.role] : [person.role, person.user]
    let first = try await person.restore(order[0])
    #expect(first.status == 200, "\(first.text)")
    // What went with the user is kept with the user; the role's own share is what was left then.
    let waiting = first.json["restored"]?["waiting"]?.array ?? []
    #expect(waiting.contains { $0["with"]?.string == "role auditor" } == userFirst)
    let second = try await person.restore(order[1])
    #expect(second.status == 200, "\(second.text)")
    #expect(second.json["restored"]?["waiting"]?.array?.isEmpty == true)
    #expect(try await Dump(person.cloud).difference(before).joined(separator: " ") == "")
  }

  @Test func whatBelongedToWhatIsGoneForGoodIsNamed() async throws {
    let person = try await Person(try await Fixture())
    let cloud = person.cloud
    await person.delete("user", person.user)
    await person.delete("project", person.project)
    let entry = try await person.entry(person.project)
    #expect(await cloud.send("DELETE", "/v3/haneul/deleted/\(entry)", token: person.admin).status == 204)
    #expect(await cloud.send("POST", "/v3/haneul/deleted/\(entry)/restore", token: person.admin).isFault(404))
    let restored = try await person.restore(person.user)
    #expect(restored.status == 200, "\(restored.text)")
    let dropped = restored.json["restored"]?["dropped"]?.array ?? []
    #expect(dropped.contains { $0["what"]?.string == "application_credential" && $0["name"]?.string == "robot" })
    #expect(dropped.filter { $0["what"]?.string == "role_assignment" }.count == 2)
    #expect(!restored.text.contains("scrypt"))
    #expect(await cloud.send("GET", "/v3/users/\(person.user)", token: person.admin).status == 200)
  }

  @Test func aNameThatIsTakenIsSaid() async throws {
    let person = try await Person(try await Fixture())
    let cloud = person.cloud
    await person.delete("user", person.user)
    let other = try await cloud.make("/v3/users", #"{"user": {"name": "anna"}}"#, token: person.admin)
    let dump = try await Dump(cloud)
    let refused = try await person.restore(person.user)
    #expect(refused.isFault(409))
    #expect(refused.text.contains("openstack user set --name"))
    #expect(try await Dump(cloud) == dump)
    #expect(
      await cloud.send("PATCH", "/v3/users/\(other)", #"{"user": {"name": "eve"}}"#, token: person.admin).status == 200)
    #expect(try await person.restore(person.user).status == 200)
  }

  @Test func whatTheDomainHeldNeedsTheDomain() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let domain = try await cloud.make("/v3/domains", #"{"domain": {"name": "d", "enabled": false}}"#, token: admin)
    let user = try await cloud.make(
      "/v3/users", #"{"user": {"name": "u", "domain_id": "\#(domain)"}}"#, token: admin)
    for path in ["users/\(user)", "domains/\(domain)"] {
      #expect(await cloud.send("DELETE", "/v3/" + path, token: admin).status == 204)
    }
    func restore(_ id: String) async throws -> Answer {
      let list = await cloud.send("GET", "/v3/haneul/deleted?object_id=\(id)", token: admin)
      let entry = try #require(list.ids("deleted").first)
      return await cloud.send("POST", "/v3/haneul/deleted/\(entry)/restore", token: admin)
    }
    let refused = try await restore(user)
    #expect(refused.isFault(409))
    #expect(refused.text.contains("haneul restore domain \(domain)"))
    #expect(try await restore(domain).status == 200)
    #expect(try await restore(user).status == 200)
    #expect(await cloud.send("GET", "/v3/users/\(user)", token: admin).status == 200)
  }

  @Test func whatWasDeletedLongAgoIsForgotten() async throws {
    let person = try await Person(try await Fixture())
    let cloud = person.cloud
    await person.delete("user", person.user)
    let cleanup = try #require(cloud.identity.convergers.first { $0.name == "identity.deleted" })
    cloud.moveClock(seconds: 29 * 86_400)
    try await cleanup.step()
    let kept = try await cloud.store.read { tx in try DeletedTable.list(tx, [], Chunk(count: 10)).map(\.objectID) }
    #expect(kept == [person.user])
    cloud.moveClock(seconds: 2 * 86_400)
    try await cleanup.step()
    let left = try await cloud.store.read { tx in
      try tx.count("SELECT (SELECT count(*) FROM identity_deleted) + (SELECT count(*) FROM identity_deleted_row)")
    }
    #expect(left == 0)
  }

  @Test func onlyAdministratorsRestore() async throws {
    let personas = try await Personas()
    let cloud = personas.cloud
    let admin = try await cloud.admin()
    let user = try await cloud.make("/v3/users", #"{"user": {"name": "anna"}}"#, token: admin)
    #expect(await cloud.send("DELETE", "/v3/users/\(user)", token: admin).status == 204)
    let list = await cloud.send("GET", "/v3/haneul/deleted", token: try personas.token(.system, .reader))
    let entry = try #require(list.json["deleted"]?.array?.first)
    #expect(entry["kind"]?.string == "user")
    #expect(entry["name"]?.string == "anna")
    #expect(entry["deleted_by"]?.string == cloud.ids.adminUserID)
    let one = "/v3/haneul/deleted/" + (entry["id"]?.string ?? "")
    for persona in Personas.all where persona.level != .admin {
      let token = try personas.token(persona)
      let mayRead = persona.scope == .system
      #expect(await cloud.send("GET", "/v3/haneul/deleted", token: token).status == (mayRead ? 200 : 403))
      #expect(await cloud.send("GET", one, token: token).status == (mayRead ? 200 : 403))
      #expect(await cloud.send("POST", one + "/restore", token: token).isFault(403))
      #expect(await cloud.send("DELETE", one, token: token).isFault(403))
    }
    #expect(await cloud.send("GET", "/v3/haneul/deleted").isFault(401))
    #expect(await cloud.send("POST", one + "/restore", token: admin).status == 200)
  }

  /// Keys of credentials go; what waits to be restored must be readable afterwards.
  @Test func aCredentialStaysReadableWhenKeysGo() async throws {
    let person = try await Person(try await Fixture())
    let (cloud, user, id) = (person.cloud, person.user, Identifier.hex())
    let keys = cloud.identity.core.credentialKeys
    try await cloud.store.write { tx in
      let credential = Credential(
        id: id, userID: user, projectID: nil, type: "cert", blob: Secret("precious"), extra: [:])
      try CredentialTable.insert(tx, keys, credential, at: .now())
    }
    await person.delete("user", user)
    let rotation = CredentialKeyRotation(core: cloud.identity.core)
    for _ in 0..<8 {
      try keys.rotate()
      try await rotation.sealDeletedAnew()
    }
    #expect(try await person.restore(user).status == 200)
    let blob = try await cloud.store.read { tx in try CredentialTable.find(tx, keys, id)?.blob.reveal() }
    #expect(blob == "precious")
  }
}
