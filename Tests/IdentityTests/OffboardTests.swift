import Auth
import Contracts
import Kit
import Store
import Synchronization
import Testing

@testable import Identity

/// Somebody leaves: what programs log in with goes on, the person does not.
struct OffboardTests {
  /// Remembers who got whose key pairs.
  private final class Keys: ResourceHolder {
    let given = Mutex<[String]>([])

    func holdings(_ tx: Transaction, projects: [String], idsMax: Int) throws -> [Holding] { [] }

    func give(_ tx: Transaction, from user: String, label: String, to other: String) throws -> [Handover] {
      given.withLock { $0 = [user, label, other] }
      return [Handover(kind: "keypair", name: "laptop", newName: "laptop-\(label)")]
    }
  }

  private struct Cloud {
    let cloud: Fixture
    let admin: String
    let anna: String
    let bert: String
    let credential: String
    let rule: String
    let ec2: String

    init(_ cloud: Fixture) async throws {
      self.cloud = cloud
      admin = try await cloud.admin()
      let admin = admin
      anna = try await cloud.make("/v3/users", #"{"user": {"name": "anna"}}"#, token: admin)
      bert = try await cloud.make("/v3/users", #"{"user": {"name": "bert"}}"#, token: admin)
      let member = try await cloud.role("member", token: admin)
      let reader = try await cloud.role("reader", token: admin)
      let (user, project) = (anna, cloud.ids.demoProjectID)
      let grant = "/v3/projects/\(project)/users/\(user)/roles/\(member)"
      #expect(await cloud.send("PUT", grant, token: admin).status == 204)
      let (credential, rule) = (Identifier.hex(), Identifier.hex())
      (self.credential, self.rule) = (credential, rule)
      let hash = try await PasswordHasher().hash(Secret("robot secret"))
      let key = EC2Key(access: Identifier.hex(), secret: Secret("s"))
      let ec2 = EC2Key.id(access: key.access)
      self.ec2 = ec2
      let keys = cloud.identity.core.credentialKeys
      try await cloud.store.write { tx in
        for (id, name, role) in [(credential, "robot", reader), (Identifier.hex(), "useless", "gone")] {
          let roles = role == "gone" ? [] : [Named(id: role, name: "reader")]
          try ApplicationCredentialTable.insert(
            tx,
            ApplicationCredential(
              id: id, userID: user, name: name, projectID: project, description: nil, expiresAt: nil,
              unrestricted: false, roles: roles), secretHash: hash)
        }
        let mine = AccessRule(id: rule, service: "identity", method: "GET", path: "/v3/auth/projects")
        try AccessRuleTable.confine(tx, credential: credential, to: AccessRuleTable.same(tx, user: user, as: mine))
        try tx.execute("UPDATE identity_application_credential SET confined = 1 WHERE id = \(credential)")
        try CredentialTable.insert(
          tx, keys,
          Credential(id: ec2, userID: user, projectID: project, type: Credential.ec2, blob: key.blob, extra: [:]),
          at: .now())
      }
    }

    func offboard(_ query: String = "", _ more: String = "") async -> Answer {
      await cloud.send(
        "POST", "/v3/haneul/offboard" + query,
        #"{"offboard": {"user_id": "\#(anna)", "to_user_id": "\#(bert)"\#(more)}}"#, token: admin)
    }

    func login(_ secret: String) async -> Answer {
      await cloud.send(
        "POST", "/v3/auth/tokens", Bodies.credential(#""id": "\#(credential)", "secret": "\#(secret)""#))
    }
  }

  @Test func programsGoOnAndThePersonDoesNot() async throws {
    let keys = Keys()
    let fixture = try await Fixture(holders: [keys])
    let it = try await Cloud(fixture)
    let token = try fixture.seal(user: it.anna, .unscoped)
    #expect(await fixture.send("GET", "/v3/auth/projects", token: token).status == 200)
    // The plan changes nothing.
    let before = try await Dump(fixture)
    let plan = await it.offboard("?plan=true")
    #expect(plan.status == 200, "\(plan.text)")
    #expect(plan.json["offboard"]?["done"] == .bool(false))
    #expect(plan.json["offboard"]?["service_principals"]?.array?.count == 2)
    #expect(plan.json["offboard"]?["left"]?.array?.map { $0["name"]?.string } == ["useless"])
    #expect(try await Dump(fixture) == before)
    let done = await it.offboard()
    #expect(done.status == 200, "\(done.text)")
    #expect(!done.text.contains("secret"))
    #expect(keys.given.withLock { $0 } == [it.anna, "anna", it.bert])
    #expect(await fixture.send("GET", "/v3/auth/projects", token: token).isFault(401))
    let person = await fixture.send("GET", "/v3/users/\(it.anna)", token: it.admin)
    #expect(person.json["user"]?["enabled"] == .bool(false))
    // The program logs in with the same id and secret, as a user of its own, with the role it had and no more.
    let login = await it.login("robot secret")
    #expect(login.status == 201, "\(login.text)")
    #expect(login.json["token"]?["user"]?["name"]?.string == "robot")
    #expect(login.json["token"]?["roles"]?.array?.map { $0["name"]?.string } == ["reader"])
    let owner = try #require(login.json["token"]?["user"]?["id"]?.string)
    let rules = try await fixture.store.read { tx in
      try tx.query(
        "SELECT x.id FROM identity_access_rule x WHERE x.user_id = \(owner) AND x.path = '/v3/auth/projects'"
      ) { $0.text(0) }
    }
    #expect(rules.count == 1 && rules != [it.rule])
    // The EC2 key is a principal's, not the successor's: who left may know its secret.
    let holder = try await fixture.store.read { [ec2 = it.ec2] tx in
      try tx.first("SELECT c.user_id FROM identity_credential c WHERE c.id = \(ec2)") { $0.text(0) }
    }
    #expect(holder != nil && holder != it.anna && holder != it.bert)
  }

  @Test func newSecretsAreShownOnce() async throws {
    let it = try await Cloud(try await Fixture())
    let done = await it.offboard("", #", "new_secrets": true"#)
    let moved = try #require(done.json["offboard"]?["service_principals"]?.array, "\(done.text)")
    let robot = try #require(moved.first { $0["kind"]?.string == "application_credential" })
    #expect(moved.allSatisfy { $0["secret"]?.string?.isEmpty == false })
    #expect(await it.login("robot secret").isFault(401))
    #expect(await it.login(try #require(robot["secret"]?.string)).status == 201)
  }

  @Test func isRefused() async throws {
    let fixture = try await Fixture()
    let admin = try await fixture.admin()
    let (own, demo) = (fixture.ids.adminUserID, fixture.ids.demoUserID)
    func offboard(_ user: String, _ to: String, _ token: String, _ query: String = "") async -> Answer {
      await fixture.send(
        "POST", "/v3/haneul/offboard" + query, #"{"offboard": {"user_id": "\#(user)", "to_user_id": "\#(to)"}}"#,
        token: token)
    }
    let before = try await Dump(fixture)
    #expect(await offboard(own, demo, admin).isFault(409))
    #expect(await offboard(own, demo, admin, "?plan=true").isFault(409))
    #expect(await offboard(demo, demo, admin).isFault(400))
    #expect(await offboard(demo, "none", admin).isFault(404))
    #expect(await offboard("none", demo, admin).isFault(404))
    #expect(await offboard(own, demo, try await fixture.demo()).isFault(403))
    #expect(try await Dump(fixture) == before)
    #expect(await offboard(own, demo, admin, "?force=true").status == 200)
  }
}
