import API
import Auth
import Contracts
import Kit
import Store
import Testing

@testable import Explain

/// What identity would say: u-demo has member in p-demo, u-admin is administrator of the system.
struct Access: AccessContract {
  func accessTarget(_ tx: Transaction, _ text: String) throws -> AccessTarget? {
    guard text == "demo project" else { return nil }
    return AccessTarget(
      kind: "project", id: "p-demo", name: text, policy: PolicyTarget(domainIDs: ["default"], projectID: "p-demo"))
  }

  func holders(_ tx: Transaction, of clause: PolicyClause, on target: PolicyTarget?, limit: Int) throws -> [AccessPath]
  {
    switch (clause.role, clause.reach) {
    case ("admin", .everywhere), ("admin", .system):
      [
        AccessPath(
          userID: "u-admin", userName: "admin", enabled: true, role: "admin", place: "the system", group: nil,
          inherited: false)
      ]
    case ("reader", .project) where target?.projectID != "p-other":
      [
        AccessPath(
          userID: "u-demo", userName: "demo", enabled: false, role: "member", place: "project demo", group: "team",
          inherited: true)
      ]
    default: []
    }
  }

  func rolesNow(_ tx: Transaction, user: String, place: String?) throws -> [String] {
    user == "u-demo" && place == "p-demo" ? ["admin", "member"] : []
  }
}

/// Who may do something, why a request was refused, and what a change of access leaves in the trail.
struct AccessTests {
  @Test func whoCan() async throws {
    let fixture = try await Fixture()
    let json = await fixture.get("/who-can?action=haneul:whatis&resource=demo%20project").json["who_can"]
    #expect(json?["resource"]?["id"]?.string == "p-demo")
    let ways = json?["ways"]?.array ?? []
    #expect(ways.map { $0["needs"]?.string } == ["role admin anywhere", "role reader in the resource's project"])
    #expect(ways.map { $0["holders"]?.array?.first?["user_name"]?.string } == ["admin", "demo"])
    let text = await fixture.send(
      "GET", "/haneul/v1/who-can?action=haneul:whatis&resource=demo%20project", accept: "text/plain"
    ).text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    #expect(text.contains("admin: role admin on the system"))
    #expect(
      text.contains("demo (disabled): role member on project demo, inherited by the projects below, by group team"))
    let unknown = await fixture.get("/who-can?action=haneul:what")
    #expect(unknown.status == 404 && unknown.text.contains("haneul:whatis"))
    #expect(await fixture.get("/who-can?action=haneul:whatis&resource=nothing").status == 404)
    #expect(await fixture.get("/who-can").status == 400)
    #expect(await fixture.get("/who-can?action=haneul:whatis", as: "demo").status == 403)
    #expect(await fixture.get("/who-can?action=haneul:whatis", as: "system").status == 200)
  }

  @Test func whyDenied() async throws {
    let fixture = try await Fixture()
    func request(_ answer: Fixture.Answer) throws -> String {
      try #require(answer.headers.first { $0.name == "X-Openstack-Request-Id" }?.value)
    }
    let denied = try request(await fixture.get("/drift", as: "demo"))
    let answer = await fixture.get("/why-denied/\(denied)")
    let why = try #require(answer.json["why_denied"], "\(answer.text)")
    #expect(why["status"]?.int == 403)
    #expect(why["then"]?["scope"]?.string == "project p-demo")
    #expect(why["then"]?["roles"]?.array?.compactMap(\.string) == ["member", "reader"])
    #expect(why["now"]?["roles"]?.array?.compactMap(\.string) == ["admin", "member"])
    // As reader of a project: the role is right, the scope is not. And by now the user is an administrator there.
    #expect(why["reason"]?.string?.contains("the token was for project p-demo") == true)
    #expect(why["reason"]?.string?.contains("by now") == true)
    #expect(why["who_could_give"]?.array?.first?["user_name"]?.string == "admin")
    let text = await fixture.send("GET", "/haneul/v1/why-denied/\(denied)", accept: "text/plain").text
    for part in ["Why", "Needed", "Then", "Now", "Who could give"] { #expect(text.contains(part), "\(text)") }
    let nobody = try request(await fixture.get("/drift", as: nil))
    let unknown = await fixture.get("/why-denied/\(nobody)").json["why_denied"]
    #expect(unknown?["reason"]?.string?.contains("not known") == true)
    #expect(await fixture.get("/why-denied/\(Identifier.request())").status == 404)
    #expect(await fixture.get("/why-denied/\(denied)", as: "demo").status == 403)
  }

  /// What was before and after is kept, told in CADF and for people.
  @Test func changesAreInTheTrail() async throws {
    let fixture = try await Fixture()
    let request = Identifier.request()
    try await fixture.store.write { tx in
      var record = AuditRecord(
        kind: .change, requestID: request, method: "PATCH", path: "/identity/v3/users/u", userID: "u-admin",
        userName: "admin", asAdmin: true, began: Fixture.now, microseconds: 1, status: 200)
      record.changes = [
        AccessChange("user", before: ["name": "anna", "enabled": "1"], after: ["name": "anna", "enabled": "0"]),
        AccessChange("role_assignment", before: nil, after: ["role_id": "r"]),
        AccessChange("group_member", before: ["group_id": "g"], after: nil),
      ]
      try RequestTable.append(tx, [record])
    }
    let event = try #require(await fixture.get("/audit?request=\(request)").json["events"]?.array?.first)
    let content = try #require(event["attachments"]?.array?.first?["content"]?.array)
    #expect(content.map { $0["what"]?.string } == ["user", "role_assignment", "group_member"])
    #expect(content.first?["before"]?["enabled"]?.string == "1")
    #expect(content.first?["after"]?["enabled"]?.string == "0")
    let text = await fixture.send("GET", "/haneul/v1/audit?request=\(request)", accept: "text/plain").text
    for line in ["~ user anna enabled: 1 -> 0", "+ role_assignment role_id=r", "- group_member group_id=g"] {
      #expect(text.contains(line), "\(text)")
    }
  }

  /// Taken once, bounded, and in order.
  @Test func theTrailIsBounded() {
    let request = Identifier.request()
    for number in 0..<3 {
      AccessTrail.note(
        request, (0..<60).map { AccessChange("n", before: nil, after: ["n": .int(number * 60 + $0)]) })
    }
    let changes = AccessTrail.take(request)
    #expect(changes.count == AccessTrail.changesMax)
    #expect(changes.last?.after?["n"]?.int == AccessTrail.changesMax - 1)
    #expect(AccessTrail.take(request).isEmpty)
  }
}
