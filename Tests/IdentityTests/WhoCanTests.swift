import Auth
import Contracts
import Kit
import Store
import Testing

@testable import Identity

/// Who may do what, and by what, as `haneul who-can` asks identity.
struct WhoCanTests {
  @Test func byRoleGroupAndInheritance() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let lab = try await cloud.make("/v3/projects", #"{"project": {"name": "lab"}}"#, token: admin)
    let group = try await cloud.make("/v3/groups", #"{"group": {"name": "team"}}"#, token: admin)
    let reader = try await cloud.role("reader", token: admin)
    let member = try await cloud.role("member", token: admin)
    var users: [String: String] = [:]
    for name in ["anna", "bert", "carl", "dora"] {
      users[name] = try await cloud.make("/v3/users", #"{"user": {"name": "\#(name)"}}"#, token: admin)
    }
    let (anna, bert, carl) = (try #require(users["anna"]), try #require(users["bert"]), try #require(users["carl"]))
    for path in [
      "/v3/projects/\(lab)/users/\(anna)/roles/\(member)", "/v3/groups/\(group)/users/\(bert)",
      "/v3/projects/\(lab)/groups/\(group)/roles/\(reader)",
      "/v3/OS-INHERIT/domains/default/users/\(carl)/roles/\(reader)/inherited_to_projects",
    ] { #expect(await cloud.send("PUT", path, token: admin).status == 204) }
    let identity = cloud.identity
    let (target, found, own, onSystem) = try await cloud.store.read { tx in
      let target = try #require(try identity.accessTarget(tx, "lab"))
      return (
        target, try identity.holders(tx, of: PolicyClause("reader", .project), on: target.policy, limit: 10),
        try identity.holders(tx, of: PolicyClause(nil, .own), on: PolicyTarget(userIDs: [anna]), limit: 10),
        try identity.holders(tx, of: PolicyClause("admin", .system), on: target.policy, limit: 10)
      )
    }
    #expect(target.kind == "project" && target.id == lab && target.policy.domainIDs == ["default"])
    #expect(found.map(\.userName) == ["anna", "bert", "carl"])
    // member brings reader; a group; and inheritance from above.
    #expect(found.map(\.role) == ["member", "reader", "reader"])
    #expect(found.map(\.group) == [nil, "team", nil])
    #expect(found.map(\.inherited) == [false, false, true])
    #expect(found.map(\.place) == ["project lab", "project lab", "domain Default"])
    #expect(own.map(\.userName) == ["anna"])
    #expect(onSystem.map(\.userName) == ["admin"])
    let roles = try await cloud.store.read { tx in try identity.rolesNow(tx, user: anna, place: lab) }
    #expect(roles == ["member", "reader"])
  }

  @Test func aNameThatSeveralHaveNamesNothing() async throws {
    let personas = try await Personas()
    let identity = personas.cloud.identity
    let found = try await personas.cloud.store.read { tx in
      (try identity.accessTarget(tx, "admin"), try identity.accessTarget(tx, "no such thing"))
    }
    // A project `admin` is the only one of its kind, though there are users of the name.
    #expect(found.0?.kind == "project")
    #expect(found.1 == nil)
  }
}
