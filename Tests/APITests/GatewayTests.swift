import API
import Auth
import Foundation
import Kit
import Logging
import Testing

/// Takes `good` for a member of project p and `admin` for an administrator; everything else is no token.
struct FakeTokens: TokenVerifier {
  func principal(token: Secret<String>) async throws -> Principal? {
    let roles: [String]
    switch token.reveal() {
    case "good": roles = ["member", "reader"]
    case "admin": roles = ["admin", "manager", "member", "reader"]
    default: return nil
    }
    return Principal(
      userID: "u", userName: "u", userDomainID: "default", userDomainName: "Default",
      scope: .project(.init(id: "p", name: "p", domainID: "default", domainName: "Default")),
      roles: roles.map { .init(id: $0, name: $0) }, methods: ["password"], auditIDs: ["a"], issuedAt: .now(),
      expiresAt: .now().adding(seconds: 60), applicationCredential: nil)
  }
}

struct GatewayTests {
  private static let read = Permission("test:read", .projectReader)
  private static let administer = Permission("test:administer", .admin)

  private static let thing = JSONShape.only(
    "thing", .object([.needed("name", .text(1...10)), .init("size", .orNull(.integer(0...5)))]))

  private static let routes = [
    Route(.get, "/v2/things", read, query: .unread) { call in
      Reply.json { $0.field("query", call.query.items.map { "\($0.name)=\($0.value)" }) }
    },
    Route(.get, "/v2/things/{thing_id}", read, query: .unread) { call in
      Reply.json { $0.field("id", call.parameters["thing_id"] ?? "") }
    },
    Route(.post, "/v2/things", read, query: .unread, body: .needed(thing), bytesMax: 1000) { call in
      let fields = try call.object("thing")
      let name = try fields.string("name", 1...10)
      let size = try fields.optionalInt("size", 0...5)
      return Reply.json(201) {
        $0.field("name", name)
        $0.field("size", size)
      }
    },
    Route(.get, "/v2/things/new", since: Microversion(2, 5), read, query: .unread) { _ in
      Reply.json { $0.field("new", true) }
    },
    Route(.delete, "/v2/things/{id}", administer, query: .unread) { _ in Reply(status: 204) },
    Route(.get, "/v2/broken", read, query: .unread) { _ in throw NSError(domain: "driver secret", code: 1) },
    Route(.get, "/", Permission("test:versions", .open), query: .unread) { _ in Reply.json { $0.field("open", true) } },
  ]

  private func gateway(_ style: FaultStyle = .nova) -> Gateway {
    let range = MicroversionRange(
      serviceType: "test", legacyHeader: "X-OpenStack-Test-API-Version", minimum: Microversion(2, 1),
      maximum: Microversion(2, 9))
    let service = ServiceAPI(prefix: "test", faultStyle: style, versions: range, routes: Self.routes)
    return Gateway(
      services: [service], tokens: FakeTokens(),
      logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
  }

  private func send(
    _ method: String, _ target: String, token: String? = "good", headers: [(name: String, value: String)] = [],
    body: String = "", style: FaultStyle = .nova
  ) async -> (reply: Reply, json: JSONValue) {
    let request = RawRequest(
      method: method, target: target, headers: headers + (token.map { [("X-Auth-Token", $0)] } ?? []),
      body: BodyStream(bytes: Array(body.utf8)), baseURL: "http://cloud:1", remoteAddress: nil)
    let reply = await gateway(style).respond(to: request)
    guard case .bytes(let bytes, _) = reply.body else { return (reply, .null) }
    return (reply, (try? JSONValue(parsing: bytes)) ?? .null)
  }

  @Test func routesByPathAndSlash() async {
    for path in ["/test/v2/things/a%2Fb", "/test/v2/things/a%2Fb/"] {
      #expect(await send("GET", path).json["id"] == .string("a/b"))
    }
    #expect(await send("GET", "/test/v2/nothing").reply.status == 404)
    #expect(await send("GET", "/elsewhere").reply.status == 404)
    #expect(await send("GET", "/test", token: nil).reply.status == 200)
    let refused = await send("PUT", "/test/v2/things/x").reply
    #expect(refused.status == 405)
    #expect(refused.headers.contains { $0.name == "Allow" && $0.value == "DELETE, GET" })
  }

  @Test func headAnswersLikeGetWithoutBody() async {
    let reply = await send("HEAD", "/test/v2/things").reply
    #expect(reply.status == 200)
    if case .none = reply.body {} else { Issue.record("a HEAD answer has a body") }
  }

  @Test func asksForATokenThenForTheRight() async {
    let nobody = await send("GET", "/test/v2/things", token: nil).reply
    #expect(nobody.status == 401)
    #expect(nobody.headers.contains { $0.name == "WWW-Authenticate" })
    #expect(await send("GET", "/test/v2/things", token: "forged").reply.status == 401)
    #expect(await send("DELETE", "/test/v2/things/x").reply.status == 403)
    #expect(await send("DELETE", "/test/v2/things/x", token: "admin").reply.status == 204)
  }

  /// ATTACKS 12: identity never comes from headers.
  @Test func forgedIdentityHeadersMeanNothing() async {
    let forged: [(name: String, value: String)] = [
      ("X-Roles", "admin"), ("X-User-Id", "root"), ("X-Is-Admin-Project", "True"), ("X-Identity-Status", "Confirmed"),
    ]
    #expect(await send("DELETE", "/test/v2/things/x", headers: forged).reply.status == 403)
    #expect(await send("DELETE", "/test/v2/things/x", token: nil, headers: forged).reply.status == 401)
  }

  /// ATTACKS 1: body and query never decide.
  @Test func bodyAndQueryDoNotChangeTheDecision() async {
    let target = #"{"target": {"user_id": "u"}, "roles": ["admin"], "is_admin": true}"#
    #expect(
      await send("DELETE", "/test/v2/things/x?user_id=root&is_admin=1&roles=admin", body: target).reply.status == 403)
  }

  @Test func negotiatesMicroversions() async {
    func status(_ headers: [(name: String, value: String)]) async -> Int {
      await send("GET", "/test/v2/things/new", headers: headers).json["new"] == nil ? 404 : 200
    }
    #expect(await status([]) == 404)
    #expect(await status([("OpenStack-API-Version", "test 2.5")]) == 200)
    #expect(await status([("openstack-api-version", "compute 2.1, test 2.9")]) == 200)
    #expect(await status([("X-OpenStack-Test-API-Version", "latest")]) == 200)
    #expect(await send("GET", "/test/v2/things", headers: [("OpenStack-API-Version", "test 2.10")]).reply.status == 406)
    #expect(await send("GET", "/test/v2/things", headers: [("OpenStack-API-Version", "test two")]).reply.status == 400)
    let reply = await send("GET", "/test/v2/things", headers: [("OpenStack-API-Version", "test 2.7")]).reply
    #expect(reply.headers.contains { $0.name == "OpenStack-API-Version" && $0.value == "test 2.7" })
    #expect(reply.headers.contains { $0.name == "Vary" })
  }

  @Test(arguments: [
    ("", 400), ("{", 400), ("[]", 400), (#"{"thing": 1}"#, 400), (#"{"thing": {}}"#, 400),
    (#"{"thing": {"name": 5}}"#, 400), (#"{"thing": {"name": ""}}"#, 400),
    (#"{"thing": {"name": "longer than ten"}}"#, 400),
    (#"{"thing": {"name": "a", "size": 6}}"#, 400), (#"{"thing": {"name": "a", "size": "1"}}"#, 400),
    (#"{"thing": {"name": "a", "other": 1}}"#, 400), (#"{"thing": {"name": "a"}, "more": 1}"#, 400),
    (#"{"thing": {"name": "a\u0000"}}"#, 400), (#"{"thing": {"name": "a"}}"#, 201),
    (#"{"thing": {"name": "\#(String(repeating: "a", count: 2000))"}}"#, 413),
  ])
  func readsBodiesStrictly(body: String, status: Int) async {
    #expect(await send("POST", "/test/v2/things", body: body).reply.status == status)
  }

  @Test func faultsHaveEachServicesShape() async {
    #expect(await send("GET", "/test/v2/none").json["itemNotFound"]?["code"] == .int(404))
    #expect(await send("GET", "/test/v2/none", style: .keystone).json["error"]?["title"] == .string("Not Found"))
    #expect(
      await send("GET", "/test/v2/none", style: .neutron).json["NeutronError"]?["type"] == .string("HTTPNotFound"))
    let placement = await send("GET", "/test/v2/none", style: .placement).json["errors"]?.array?.first
    #expect(placement?["status"] == .int(404))
    let page = await send("GET", "/test/v2/none", style: .glance).reply
    if case .bytes(let bytes, let type) = page.body {
      #expect(type.hasPrefix("text/html"))
      #expect(String(decoding: bytes, as: UTF8.self).contains("404 Not Found"))
    } else {
      Issue.record("no page")
    }
  }

  /// ATTACKS 86: what breaks inside is not shown.
  @Test func internalErrorsSayNothing() async {
    let answer = await send("GET", "/test/v2/broken")
    #expect(answer.reply.status == 500)
    #expect(!answer.json.text.contains("driver secret"))
    #expect(answer.reply.headers.contains { $0.name == "X-Openstack-Request-Id" && $0.value.hasPrefix("req-") })
  }

  @Test func queriesAreDecoded() async {
    let answer = await send("GET", "/test/v2/things?a=1+2&b=%2F&c&a=3")
    #expect(answer.json["query"]?.array == [.string("a=1 2"), .string("b=/"), .string("c="), .string("a=3")])
    #expect(await send("GET", "/test/v2/things?a=%ff").reply.status == 400)
    #expect(await send("GET", "/test/v2/things?" + String(repeating: "a&", count: 500)).reply.status == 400)
  }

  @Test func everyRouteNamesItsPermission() {
    for (_, route) in gateway().routes { #expect(!route.permission.name.isEmpty) }
  }
}
