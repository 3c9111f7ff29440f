import API
import Auth
import Kit
import Logging
import Store
import Testing

@testable import Explain

/// Nobody can stop the audit trail by what he makes up.
struct AuditPoisonTests {
  private func log(_ fixture: Fixture) -> RequestLog {
    RequestLog(store: fixture.store, file: nil, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
  }

  private func rows(_ fixture: Fixture) async throws -> [AuditRecord] {
    try await fixture.store.read { try AuditTable.list($0, .init(), limit: 100, after: nil) }
  }

  /// A user's name in a login may hold what no store takes.
  @Test func aNameThatCannotBeStoredIsWrittenOtherwise() async throws {
    let fixture = try await Fixture()
    let log = log(fixture)
    let scope = RequestScope(requestID: Identifier.request())
    scope.claims(userName: "mallory\u{0}")
    let login = AnsweredRequest.RouteName(
      number: 0, method: .post, path: "/v3/auth/tokens", permission: Permission("identity:login", .open))
    log.keep(
      AnsweredRequest(
        service: "identity", route: login, method: "POST", path: "/identity/v3/auth/tokens", status: 401, caller: nil,
        requestID: scope.requestID, globalRequestID: nil, scope: scope, userAgent: "curl\u{0}", began: .now(),
        nanoseconds: 1, remoteAddress: "192.0.2.1"))
    await log.flush()
    let kept = try await rows(fixture)
    #expect(kept.map(\.userName) == ["mallory\u{fffd}"])
    #expect(kept.map(\.agent) == ["curl\u{fffd}"])
    #expect(log.dropped.store == 0)
  }

  /// One record that is refused for what it is does not take the others with it.
  @Test func oneThatCannotBeStoredHoldsUpNoOther() async throws {
    let fixture = try await Fixture()
    let log = log(fixture)
    for path in ["/before", "/\u{0}", "/behind"] {
      log.keep(
        AuditRecord(
          kind: .change, requestID: Identifier.request(), method: "POST", path: path, userID: "u", userName: "u",
          asAdmin: false, address: nil, began: .now(), microseconds: 1, status: 200))
    }
    await log.flush()
    #expect(try await rows(fixture).map(\.path) == ["/behind", "/before"])
    #expect(log.dropped.store == 1)
    await log.flush()
    #expect(log.dropped.store == 1)
  }
}
