import API
import Contracts
import Kit
import Logging
import Testing

@testable import Identity

/// Every change of access reaches the audit trail, with what was before and after, and never a secret.
struct AccessChangeTests {
  /// Binds a scope to each request, as the audit trail does.
  private struct Watch: RequestObserver {
    func began(requestID: String, globalRequestID: String?, traceParent: String?) -> RequestScope {
      RequestScope(requestID: requestID, globalRequestID: globalRequestID)
    }
    func answered(_ request: AnsweredRequest) {}
  }

  /// Asks as administrator; the answer, and what is in the trail for it.
  private func send(
    _ cloud: Fixture, _ method: String, _ path: String, _ body: String? = nil
  ) async throws -> (reply: Answer, changes: [AccessChange]) {
    let gateway = Gateway(
      services: [cloud.identity.api], tokens: cloud.identity, observer: Watch(),
      logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    let reply = await Answer(
      gateway.respond(
        to: RawRequest(
          method: method, target: "/identity" + path, headers: [("X-Auth-Token", try await cloud.admin())],
          body: BodyStream(bytes: Array((body ?? "").utf8)), baseURL: "http://seen.test", remoteAddress: nil)))
    return (reply, AccessTrail.take(try #require(reply.headers["X-Openstack-Request-Id"])))
  }

  private func changes(
    _ cloud: Fixture, _ method: String, _ path: String, _ body: String? = nil
  ) async throws -> [AccessChange] {
    let (reply, changes) = try await send(cloud, method, path, body)
    #expect(reply.status / 100 == 2, "\(method) \(path): \(reply.text)")
    for text in changes.map(\.json.text) { #expect(!text.contains("secret") && !text.contains("scrypt")) }
    return changes
  }

  @Test func ofEachSort() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let made = try await changes(
      cloud, "POST", "/v3/users", #"{"user": {"name": "anna", "password": "a secret password"}}"#)
    #expect(made.map(\.what) == ["user"])
    #expect(made.first?.before == nil)
    #expect(made.first?.after?["name"]?.string == "anna")
    let user = try #require(made.first?.after?["id"]?.string)
    let disabled = try await changes(cloud, "PATCH", "/v3/users/\(user)", #"{"user": {"enabled": false}}"#)
    #expect(disabled.first?.before?["enabled"]?.string == "1")
    #expect(disabled.first?.after?["enabled"]?.string == "0")
    // What changes nothing of access is none.
    #expect(try await changes(cloud, "PATCH", "/v3/users/\(user)", #"{"user": {"colour": "red"}}"#).isEmpty)
    let group = try await cloud.make("/v3/groups", #"{"group": {"name": "team"}}"#, token: admin)
    #expect(try await changes(cloud, "PUT", "/v3/groups/\(group)/users/\(user)").map(\.what) == ["group_member"])
    let role = try await cloud.role("member", token: admin)
    let grant = "/v3/projects/\(cloud.ids.demoProjectID)/users/\(user)/roles/\(role)"
    let granted = try await changes(cloud, "PUT", grant)
    #expect(granted.map(\.what) == ["role_assignment"])
    #expect(granted.first?.after?["role_id"]?.string == role)
    #expect(granted.first?.after?["user_id"]?.string == user)
    // Twice is no change.
    #expect(try await changes(cloud, "PUT", grant).isEmpty)
    let revoked = try await changes(cloud, "DELETE", grant)
    #expect(revoked.first?.before?["project_id"]?.string == cloud.ids.demoProjectID)
    #expect(revoked.first?.after == nil)
    let deleted = try await changes(cloud, "DELETE", "/v3/users/\(user)")
    #expect(deleted.map(\.what) == ["user", "group_member"])
    let list = await cloud.send("GET", "/v3/haneul/deleted?object_id=\(user)", token: admin)
    let entry = try #require(list.ids("deleted").first)
    let restored = try await changes(cloud, "POST", "/v3/haneul/deleted/\(entry)/restore")
    #expect(restored.contains { $0.what == "user" && $0.after?["name"]?.string == "anna" })
    #expect(restored.contains { $0.what == "group_member" })
  }

  /// What was refused, or only looked at, changed nothing.
  @Test func ofWhatDidNotHappen() async throws {
    let cloud = try await Fixture()
    let user = cloud.ids.adminUserID
    let refused = try await send(cloud, "DELETE", "/v3/users/\(user)")
    #expect(refused.reply.isFault(409))
    #expect(refused.changes.isEmpty)
    #expect(try await changes(cloud, "DELETE", "/v3/users/\(user)?impact=true").isEmpty)
  }
}
