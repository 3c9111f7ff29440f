import Auth
import Kit
import Store
import Testing

@testable import Identity

/// Whatever is handed on in whatever order: nothing ever has a role that what it came from does not have, or lives
/// longer than it. What is expected is computed beside the service, from what was asked and answered.
struct DelegationPropertyTests {
  /// The same numbers for the same seed (SplitMix64).
  private struct Dice: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return z ^ (z >> 31)
    }
    mutating func chance(_ of: Int) -> Bool { Int.random(in: 0..<of, using: &self) == 0 }
  }

  private static let names = ["admin", "manager", "member", "reader"]

  /// Each role with what it implies.
  private static func closure(_ roles: Set<String>) -> Set<String> {
    guard let first = names.firstIndex(where: roles.contains) else { return [] }
    return Set(names[first...])
  }

  /// A token, and the most that it may ever be.
  private struct Held {
    var kind: String
    var token: String
    /// Whose roles it stands on, and who may use it.
    var root: String
    var holder: String
    var project: String?
    var roles: Set<String>
    var end: Timestamp
    var isDelegated: Bool
    /// Set where it came by a trust: that trust's end.
    var trustEnd: Timestamp?
    /// Set where it came by an application credential that ends.
    var credentialEnd: Timestamp?
    var impersonation = false
  }

  private final class Run {
    let cloud: Fixture
    var dice: Dice
    var held: [Held] = []
    var roles: [String: [String: Set<String>]] = [:]
    let users: [String]
    let projects: [String]
    let service: String
    var made: [String: Int] = [:]
    var refused: [String: Int] = [:]
    var credentials = 0

    init(_ seed: UInt64) async throws {
      cloud = try await Fixture()
      dice = Dice(state: seed)
      let admin = try await cloud.admin()
      let other = try await cloud.make("/v3/projects", #"{"project": {"name": "other"}}"#, token: admin)
      projects = [cloud.ids.demoProjectID, other]
      var users: [String] = []
      for name in ["a", "b", "c"] { users.append(try await cloud.user(name, in: other)) }
      self.users = users
      service = try await cloud.token(
        of: try await cloud.user("service", roles: ["service"], in: cloud.ids.adminProjectID),
        in: cloud.ids.adminProjectID)
      for user in users {
        for project in projects { try await give(names.randomElement(using: &dice) ?? "reader", user, project) }
      }
    }

    func give(_ role: String, _ user: String, _ project: String) async throws {
      roles[user, default: [:]][project, default: []].insert(role)
      try await cloud.store.write { tx in
        let id = try #require(try RoleTable.named(tx, role)).id
        try AssignmentTable.insert(tx, .user(user), .project(project), role: id)
      }
    }

    func takeAll(_ user: String, _ project: String) async throws {
      roles[user]?[project] = []
      try await cloud.store.write { tx in
        try tx.execute("DELETE FROM identity_role_assignment WHERE user_id = \(user) AND project_id = \(project)")
      }
    }

    func now(_ user: String, _ project: String?) -> Set<String> {
      closure(project.flatMap { roles[user]?[$0] } ?? [])
    }

    func count(_ kind: String, _ reply: Answer) {
      (reply.status < 300 ? made[kind, default: 0] += 1 : (refused[kind, default: 0] += 1))
    }

    /// Takes an answered token in, with the most that it may be.
    func take(
      _ kind: String, _ reply: Answer, root: String, holder: String, project: String?, most: Set<String>,
      bound: Set<String>? = nil, end: Timestamp, isDelegated: Bool, trustEnd: Timestamp? = nil,
      impersonation: Bool = false
    ) {
      count(kind, reply)
      guard reply.status < 300, let token = reply.headers["X-Subject-Token"] else { return }
      let body = reply.json["token"]
      let got = Set(reply.roles)
      let expires = body?["expires_at"]?.string.flatMap(Timestamp.init(iso8601:)) ?? end.adding(seconds: 1)
      #expect(got.isSubset(of: most), "\(kind): \(got) of \(most)")
      #expect(expires <= end, "\(kind): \(expires.iso8601) after \(end.iso8601)")
      #expect(body?["project"]?["id"]?.string == project, "\(kind)")
      held.append(
        Held(
          kind: kind, token: token, root: root, holder: holder, project: project, roles: bound ?? most,
          end: min(expires, end), isDelegated: isDelegated, trustEnd: trustEnd, impersonation: impersonation))
    }

    /// A login with a password, as it were.
    func login() async throws {
      let user = users.randomElement(using: &dice) ?? ""
      let project = projects.randomElement(using: &dice) ?? ""
      guard !now(user, project).isEmpty else { return }
      held.append(
        Held(
          kind: "login", token: try await cloud.token(of: user, in: project), root: user, holder: user,
          project: project,
          roles: now(user, project), end: cloud.now.adding(seconds: 3601), isDelegated: false))
    }

    /// The most that a token can give on.
    func most(_ from: Held) -> Set<String> { from.isDelegated ? from.roles : now(from.root, from.project) }

    func any() -> Held? { held.suffix(12).randomElement(using: &dice) }

    func someRoles() -> [String] {
      let count = Int.random(in: 1...2, using: &dice)
      return Array(names.shuffled(using: &dice).prefix(count))
    }

    func rescope() async {
      guard let from = any() else { return }
      let project = projects.randomElement(using: &dice) ?? ""
      let system = dice.chance(5)
      let scope = system ? #"{"system": {"all": true}}"# : Bodies.project(project)
      let reply = await cloud.send("POST", "/v3/auth/tokens", Bodies.token(from.token, scope: scope))
      #expect(!from.isDelegated || reply.status >= 400, "a token by \(from.kind) was exchanged")
      take(
        "rescope", reply, root: from.root, holder: from.holder, project: system ? nil : project,
        most: system ? [] : now(from.root, project), end: from.end, isDelegated: false)
    }

    func trust() async throws {
      guard let from = any() else { return }
      let trustee = users.randomElement(using: &dice) ?? ""
      let project = dice.chance(4) ? projects.randomElement(using: &dice) ?? "" : from.project ?? projects[0]
      let roles = someRoles()
      let impersonation = Bool.random(using: &dice)
      let end = dice.chance(2) ? cloud.now.adding(seconds: Double.random(in: 60...9000, using: &dice)) : nil
      var more = #""allow_redelegation": \#(!dice.chance(3))"#
      if let end { more += #", "expires_at": "\#(end.iso8601Microseconds)""# }
      let trustor = from.trustEnd == nil || from.impersonation ? from.root : from.holder
      let reply = await cloud.send(
        "POST", "/v3/OS-TRUST/trusts",
        Fixture.trust(
          from: trustor, to: trustee, project: project, roles: roles, impersonation: impersonation, more: more),
        token: from.token)
      let isRedelegation = from.trustEnd != nil
      count(isRedelegation ? "redelegation" : "trust", reply)
      guard reply.status == 201, let id = reply.json["trust"]?["id"]?.string else { return }
      #expect(!from.isDelegated || isRedelegation, "a token by \(from.kind) made a trust")
      let trustEnd = reply.json["trust"]?["expires_at"]?.string.flatMap(Timestamp.init(iso8601:))
      if isRedelegation, let parent = from.trustEnd, parent != Self.never {
        #expect(trustEnd.map { $0 <= parent } == true, "a trust outlives the one that it hands on")
      }
      // What it may give: as the trustor has it now, or the trust that is handed on.
      let most = isRedelegation ? from.roles : now(from.root, project)
      #expect(!isRedelegation || project == from.project)
      #expect(!isRedelegation || from.impersonation || !impersonation)
      let entered = await cloud.enter(trust: id, with: try cloud.seal(user: trustee, .unscoped))
      let life = cloud.now.adding(seconds: 3601)
      take(
        "by trust", entered, root: from.root, holder: trustee, project: project,
        most: most.intersection(closure(Set(roles))), end: min(life, trustEnd ?? life), isDelegated: true,
        trustEnd: trustEnd ?? Self.never, impersonation: impersonation)
    }

    static let never = Timestamp(microseconds: Int64.max / 2)

    func applicationCredential() async throws {
      guard let from = any(), credentials < 4 else { return }
      let roles = someRoles()
      let end = dice.chance(2) ? cloud.now.adding(seconds: Double.random(in: 60...9000, using: &dice)) : nil
      let unrestricted = Bool.random(using: &dice)
      let given = roles.map { #"{"name": "\#($0)"}"# }.joined(separator: ", ")
      let expiry = end.map { #", "expires_at": "\#($0.iso8601Microseconds)""# } ?? ""
      let reply = await cloud.send(
        "POST", "/v3/users/\(from.root)/application_credentials",
        #"""
        {"application_credential": {"name": "\#(held.count)", "secret": "s", "unrestricted": \#(unrestricted),
        "roles": [\#(given)]\#(expiry)}}
        """#, token: from.token)
      count("application credential", reply)
      guard reply.status == 201, let id = reply.json["application_credential"]?["id"]?.string else { return }
      credentials += 1
      #expect(!from.isDelegated || from.kind == "by unrestricted", "a token by \(from.kind) made one")
      let stored = try await cloud.store.read { tx in try ApplicationCredentialTable.find(tx, id)?.expiresAt }
      if let parent = from.credentialEnd {
        #expect(stored.map { $0 <= parent } == true, "an application credential outlives the one that made it")
      }
      let entered = await cloud.send("POST", "/v3/auth/tokens", Bodies.credential(#""id": "\#(id)", "secret": "s""#))
      let life = cloud.now.adding(seconds: 3601)
      take(
        unrestricted ? "by unrestricted" : "by restricted", entered, root: from.root, holder: from.root,
        project: from.project, most: most(from).intersection(closure(Set(roles))), end: min(life, stored ?? life),
        isDelegated: true)
      if entered.status == 201 { held[held.count - 1].credentialEnd = stored }
    }

    func ec2() async {
      guard let from = any() else { return }
      let project = projects.randomElement(using: &dice) ?? ""
      let user = from.impersonation || from.trustEnd == nil ? from.root : from.holder
      let reply = await cloud.send(
        "POST", "/v3/users/\(user)/credentials/OS-EC2", #"{"tenant_id": "\#(project)"}"#, token: from.token)
      count("key", reply)
      guard reply.status == 201, let access = reply.json["credential"]?["access"]?.string,
        let secret = reply.json["credential"]?["secret"]?.string
      else { return }
      #expect(!from.isDelegated, "a token by \(from.kind) made a key")
      let signed = Signers.version4(access: access, secret: secret, at: cloud.now)
      let entered = await cloud.send("POST", "/v3/ec2tokens", signed, token: service)
      take(
        "by key", entered, root: from.root, holder: from.root, project: project, most: now(from.root, project),
        bound: Set(names), end: cloud.now.adding(seconds: 3601), isDelegated: true)
    }

    func oauth() async throws {
      guard let from = any() else { return }
      let project = projects.randomElement(using: &dice) ?? ""
      let roles = someRoles()
      let access: (consumer: (id: String, secret: String), token: (id: String, secret: String))
      do {
        access = try await consumer(from, project, roles)
      } catch {
        refused["consumer", default: 0] += 1
        return
      }
      made["consumer", default: 0] += 1
      #expect(!from.isDelegated, "a token by \(from.kind) authorised a consumer")
      let entered = await cloud.oauthLogin(access)
      take(
        "by consumer", entered, root: from.root, holder: from.root, project: project,
        most: now(from.root, project).intersection(closure(Set(roles))), end: cloud.now.adding(seconds: 3601),
        isDelegated: true)
    }

    private struct Refused: Error {}

    private func consumer(
      _ from: Held, _ project: String, _ roles: [String]
    ) async throws -> (consumer: (id: String, secret: String), token: (id: String, secret: String)) {
      let pair = (id: Identifier.hex(), secret: Identifier.hex())
      let keys = cloud.identity.core.credentialKeys
      let now = cloud.now
      let consumer = Consumer(id: pair.id, description: nil, secret: Secret(pair.secret), extra: [:])
      try await cloud.store.write { tx in try ConsumerTable.insert(tx, keys, consumer, at: now) }
      let asked = await cloud.send(
        "POST", "/v3/OS-OAUTH1/request_token",
        headers: [
          Signers.oauth("/v3/OS-OAUTH1/request_token", consumer: pair, at: now), ("Requested-Project-Id", project),
        ])
      let request = try asked.oauthToken
      let given = roles.map { #"{"name": "\#($0)"}"# }.joined(separator: ", ")
      let answer = await cloud.send(
        "PUT", "/v3/OS-OAUTH1/authorize/\(request.id)", #"{"roles": [\#(given)]}"#, token: from.token)
      guard answer.status == 200, let verifier = answer.json["token"]?["oauth_verifier"]?.string else {
        throw Refused()
      }
      let exchanged = await cloud.send(
        "POST", "/v3/OS-OAUTH1/access_token",
        headers: [
          Signers.oauth("/v3/OS-OAUTH1/access_token", consumer: pair, token: request, verifier: verifier, at: now)
        ])
      return (pair, try exchanged.oauthToken)
    }

    /// Every token that there ever was is, now, at most what it may be.
    func check() async throws {
      for held in held {
        guard let principal = try await cloud.identity.principal(token: Secret(held.token)) else { continue }
        let roles = Set(principal.roles.map(\.name))
        #expect(cloud.now < held.end, "a token \(held.kind) lives on")
        #expect(
          roles.isSubset(of: held.isDelegated ? held.roles : Set(names)), "\(held.kind) has more than it was given")
        #expect(roles.isSubset(of: now(held.root, held.project)), "\(held.kind) has more than its root")
        #expect(principal.projectID == held.project)
        #expect(principal.expiresAt <= held.end)
        #expect(principal.isDelegated == held.isDelegated)
      }
    }
  }

  @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64])
  func noDelegationGivesMoreOrLastsLonger(seed: UInt64) async throws {
    let run = try await Run(seed)
    for _ in 0..<3 { try await run.login() }
    for step in 1...80 {
      switch Int.random(in: 0..<20, using: &run.dice) {
      case 0...1: try await run.login()
      case 2...4: await run.rescope()
      case 5...10: try await run.trust()
      case 11...12: try await run.applicationCredential()
      case 13...14: await run.ec2()
      case 15...16: try await run.oauth()
      case 17: run.cloud.moveClock(seconds: Double.random(in: 1...900, using: &run.dice))
      default:
        let user = run.users.randomElement(using: &run.dice) ?? ""
        let project = run.projects.randomElement(using: &run.dice) ?? ""
        if run.dice.chance(2) { try await run.takeAll(user, project) }
        try await run.give(Self.names.randomElement(using: &run.dice) ?? "reader", user, project)
      }
      if step.isMultiple(of: 8) { try await run.check() }
    }
    try await run.check()
    // It must have come to something.
    #expect(run.made.values.reduce(0, +) >= 10, "\(run.made)")
    #expect(run.refused.values.reduce(0, +) >= 5, "\(run.refused)")
  }
}
