import API
import Auth
import Kit
import Testing

@testable import Cloud

/// What one project may learn and do of another's, by every route there is (ATTACKS.md, classes R1 and R3).
struct StrangerTests {
  /// One for all: no test here changes anything, and each says so.
  private static let fixture = Task { try await TwoProjectsFixture() }

  /// R1: headers that name somebody else change neither the decision nor the data.
  @Test func forgedHeadersMeanNothing() async throws {
    let two = try await Self.fixture.value
    let (owner, eve) = (two.owner, two.stranger)
    let forged: [(name: String, value: String)] = [
      ("X-Roles", "admin"), ("X-User-Roles", "admin"), ("X-User-Id", owner.userID), ("X-Project-Id", owner.projectID),
      ("X-Tenant-Id", owner.projectID), ("X-Tenant", owner.projectID), ("X-Domain-Id", "default"),
      ("X-Is-Admin-Project", "True"), ("X-Service-Roles", "service"), ("X-Identity-Status", "Confirmed"),
      ("OpenStack-System-Scope", "all"),
    ]
    for (service, route, _) in two.cloud.everyRoute where route.method == .get || route.method == .head {
      let target = two.target(service, route, parent: owner, child: owner)
      let plain = await two.cloud.send(route.method.rawValue, target, token: eve.token)
      let crafted = await two.cloud.send(route.method.rawValue, target, token: eve.token, headers: forged)
      #expect(plain.status == crafted.status, "\(route.method.rawValue) \(target)")
      // Ids of requests and moments differ from answer to answer; the length does not.
      #expect(plain.text.count == crafted.text.count, "\(route.method.rawValue) \(target)")
      let unnamed = await two.cloud.send(route.method.rawValue, target, token: nil, headers: forged)
      if route.permission.rule != .open { #expect([401, 404].contains(unnamed.status), "\(target)") }
    }
  }

  /// R1: what the query says of projects, users and roles decides nothing and shows nothing of another's.
  @Test func queriesShowNothingOfOthers() async throws {
    let two = try await Self.fixture.value
    let (owner, eve) = (two.owner, two.stranger)
    let claims = [
      "project_id=\(owner.projectID)", "tenant_id=\(owner.projectID)", "user_id=\(owner.userID)",
      "owner=\(owner.projectID)", "domain_id=default", "is_admin=true", "roles=admin", "all_tenants=1",
      "all_projects=1", "target.project_id=\(owner.projectID)", "user.id=\(owner.userID)",
      "scope.project.id=\(owner.projectID)", "visibility=all", "member_status=all",
    ]
    for (service, route, target) in two.cloud.everyRoute where route.method == .get {
      let plain = await two.cloud.send("GET", target, token: eve.token)
      for claim in claims {
        let crafted = await two.cloud.send("GET", target + "?" + claim, token: eve.token)
        let refused = [400, 403, 404].contains(crafted.status)
        #expect(refused || crafted.status == plain.status, "\(target)?\(claim): \(crafted.status)")
        #expect(!owner.all.contains { crafted.text.contains($0) }, "\(service.prefix) \(target)?\(claim)")
      }
    }
  }

  /// R1 and R3: whatever is sent to the routes of another's resources is answered as if they were not there, and
  /// changes nothing of them.
  @Test func bodiesChangeNothingOfOthers() async throws {
    let two = try await Self.fixture.value
    let (owner, eve) = (two.owner, two.stranger)
    let before = try await snapshot(two)
    let claims =
      #""target": {"user_id": "\#(eve.userID)", "project_id": "\#(eve.projectID)", "user": {"id": "\#(eve.userID)"}}, "#
      + #""user_id": "\#(owner.userID)", "project_id": "\#(owner.projectID)", "tenant_id": "\#(owner.projectID)", "#
      + #""domain_id": "default", "owner": "\#(owner.projectID)", "is_admin": true, "roles": ["admin"]"#
    for (service, route, _) in two.cloud.everyRoute where [.post, .put, .patch, .delete].contains(route.method) {
      guard route.permission.rule != .open else { continue }
      let target = two.target(service, route, parent: owner, child: owner)
      let member = route.body.json?.onlyMember ?? "x"
      for body in ["{\(claims)}", "{\"\(member)\": {\(claims)}}", "{\(claims), \"\(member)\": {\(claims)}}"] {
        let reply = await two.cloud.send(route.method.rawValue, target, token: eve.token, body: body)
        #expect(reply.status >= 400, "\(route.method.rawValue) \(target): \(reply.status) \(reply.text)")
        #expect(reply.status < 500, "\(route.method.rawValue) \(target): \(reply.status) \(reply.text)")
      }
    }
    #expect(try await snapshot(two) == before)
  }

  /// R3: a child is looked for below the parent that the path names, so another's is not there.
  @Test func childrenOfOtherParentsAreNotFound() async throws {
    let two = try await Self.fixture.value
    let before = try await snapshot(two)
    var nested = 0
    for (service, route, _) in two.cloud.everyRoute
    where route.path.split(separator: "{").count > 2 && (route.method == .get || route.method == .delete) {
      let target = two.target(service, route, parent: two.stranger, child: two.owner)
      let reply = await two.cloud.send(route.method.rawValue, target, token: two.stranger.token)
      // Identity tells a stranger nothing, not even that a thing is not there: 403, as Keystone.
      let wanted: [Int] =
        switch route.permission.rule {
        case .open: [401, 404]
        case .admin, .systemReader, .any: [403, 404]
        // The rules of passwords are everybody's to read, but those of the default domain only.
        case .authenticated where route.path.contains("/config/security_compliance"): [403]
        default: [404]
        }
      #expect(wanted.contains(reply.status), "\(route.method.rawValue) \(target): \(reply.status) \(reply.text)")
      nested += 1
    }
    #expect(nested > 20)
    #expect(try await snapshot(two) == before)
  }

  /// Everything the owner has, as the owner sees it.
  private func snapshot(_ two: TwoProjectsFixture) async throws -> [String: String] {
    let (owner, ids) = (two.owner, two.owner.ids)
    var seen: [String: String] = [:]
    var targets = ["networks", "subnets", "ports", "routers", "security-groups", "security-group-rules"].map {
      "/network/v2.0/\($0)/\(ids[$0] ?? "")"
    }
    targets += [
      "/image/v2/images/\(ids["image_id"] ?? "")", "/image/v2/images/\(ids["image_id"] ?? "")/members",
      "/compute/v2.1/servers/\(ids["server_id"] ?? "")", "/compute/v2.1/servers/\(ids["server_id"] ?? "")/os-interface",
      "/identity/v3/users/\(owner.userID)", "/identity/v3/users/\(owner.userID)/application_credentials",
    ]
    for target in targets {
      let reply = await two.cloud.send("GET", target, token: owner.token)
      #expect(reply.status == 200, "\(target): \(reply.text)")
      seen[target] = reply.text
    }
    return seen
  }
}
