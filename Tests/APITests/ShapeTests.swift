import API
import Auth
import Kit
import Logging
import Testing

/// What a route's declaration of query and body does.
struct ShapeTests {
  private static let read = Permission("test:read", .projectReader)
  private static let body = JSONShape.only(
    "thing",
    .object([
      .needed("name", .text(1...5)), .init("size", .integer(0...9, digits: true)), .init("on", .boolean(words: true)),
      .init("tags", .array(of: .text(1...3), 1...2)), .init("kind", .orNull(.choice(["a", "b"]))),
      .init("id", .uuid), .init("late", .flag, since: Microversion(2, 5)),
      .init("early", .flag, until: Microversion(2, 4)),
      .init("extra", .map(.text(0...3), names: 1...2, count: 0...1)),
      .init("either", .anyOf([.object([.needed("x", .flag)]), .array(of: .flag)])),
    ]))
  private static let query = QueryShape(
    [
      .init("limit", .natural, repeats: false), .init("on", .boolean), .init("id", .uuid), .init("at", .time),
      .init("dir", .choice(["asc", "desc"])), .init("size", .comparison(["gt", "lt"], .integer)),
      .init("late", since: Microversion(2, 5)), .init("must", required: true),
    ], others: .refusedSince(Microversion(2, 5)))

  private static let routes = [
    Route(.post, "/things", read, query: .unread, body: .needed(body)) { _ in Reply(status: 201) },
    Route(.get, "/things", read, query: query) { _ in Reply(status: 204) },
    Route(.get, "/secretly", read, query: .unread) { call in
      .json { $0.field("a", call.query["a"]) }
    },
    Route(.put, "/secretly", read, query: .unread, body: .needed(.only("a", .object([.init("b", .any)])))) { call in
      _ = try call.object("a").value("c")
      return Reply(status: 204)
    },
  ]

  private func send(
    _ method: String, _ target: String, body: String = "", version: String = "2.1"
  ) async -> (status: Int, text: String) {
    let range = MicroversionRange(
      serviceType: "test", legacyHeader: nil, minimum: Microversion(2, 1), maximum: Microversion(2, 9))
    let gateway = Gateway(
      services: [ServiceAPI(prefix: "test", faultStyle: .nova, versions: range, routes: Self.routes)],
      tokens: FakeTokens(), logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    let reply = await gateway.respond(
      to: RawRequest(
        method: method, target: "/test" + target,
        headers: [("X-Auth-Token", "good"), ("OpenStack-API-Version", "test \(version)")],
        body: BodyStream(bytes: Array(body.utf8)), baseURL: "http://cloud", remoteAddress: nil))
    guard case .bytes(let bytes, _) = reply.body else { return (reply.status, "") }
    return (reply.status, String(decoding: bytes, as: UTF8.self))
  }

  @Test(arguments: [
    (#""name": "x""#, "2.1", true), (#""name": """#, "2.1", false), (#""name": "toolong""#, "2.1", false),
    (#""name": null"#, "2.1", false), (#""size": 3"#, "2.1", false), (#""name": "x", "size": "3""#, "2.1", true),
    (#""name": "x", "size": 10"#, "2.1", false), (#""name": "x", "size": "many""#, "2.1", false),
    (#""name": "x", "on": "yes""#, "2.1", true), (#""name": "x", "on": "maybe""#, "2.1", false),
    (#""name": "x", "on": """#, "2.1", false), (#""name": "x", "tags": []"#, "2.1", false),
    (#""name": "x", "tags": ["a", "b"]"#, "2.1", true), (#""name": "x", "tags": ["a", "b", "c"]"#, "2.1", false),
    (#""name": "x", "kind": null"#, "2.1", true), (#""name": "x", "kind": "c""#, "2.1", false),
    (#""name": "x", "id": "no""#, "2.1", false),
    (#""name": "x", "id": "53e2a1a0-0000-4000-8000-000000000000""#, "2.1", true),
    (#""name": "x", "late": true"#, "2.4", false), (#""name": "x", "late": true"#, "2.5", true),
    (#""name": "x", "early": true"#, "2.4", true), (#""name": "x", "early": true"#, "2.5", false),
    (#""name": "x", "extra": {"ab": "c"}"#, "2.1", true), (#""name": "x", "extra": {"abc": "c"}"#, "2.1", false),
    (#""name": "x", "extra": {"a": "c", "b": "c"}"#, "2.1", false),
    (#""name": "x", "either": {"x": true}"#, "2.1", true), (#""name": "x", "either": [true]"#, "2.1", true),
    (#""name": "x", "either": {"y": true}"#, "2.1", false), (#""name": "x", "either": 7"#, "2.1", false),
    (#""name": "x", "stranger": 1"#, "2.1", false), (#""name": "a\u0000b""#, "2.1", false),
  ])
  func bodiesAreChecked(members: String, version: String, good: Bool) async {
    let answer = await send("POST", "/things", body: "{\"thing\": {\(members)}}", version: version)
    #expect(answer.status == (good ? 201 : 400), "\(members): \(answer.text)")
    if !good { #expect(answer.text.contains("thing"), "the member is not named: \(answer.text)") }
  }

  @Test(arguments: ["", "7", "[]", "{}", #"{"thing": {"name": "x"}, "more": 1}"#, #"{"thing": 3}"#])
  func wholeBodiesAreChecked(body: String) async {
    #expect(await send("POST", "/things", body: body).status == 400)
  }

  @Test(arguments: [
    ("must=1", "2.1", true), ("", "2.1", false), ("must=1&limit=-1", "2.1", false), ("must=1&limit=5", "2.1", true),
    ("must=1&limit=5&limit=6", "2.1", false), ("must=1&must=2", "2.1", true), ("must=1&on=maybe", "2.1", false),
    ("must=1&on", "2.1", true), ("must=1&id=x", "2.1", false), ("must=1&dir=up", "2.1", false),
    ("must=1&at=yesterday", "2.1", false), ("must=1&at=2026-08-01T00:00:00Z", "2.1", true),
    ("must=1&size=gt:5", "2.1", true), ("must=1&size=gt:x", "2.1", false), ("must=1&size=5", "2.1", true),
    ("must=1&stranger=1", "2.4", true), ("must=1&stranger=1", "2.5", false), ("must=1&late=1", "2.5", true),
  ])
  func queriesAreChecked(query: String, version: String, good: Bool) async {
    let answer = await send("GET", "/things?" + query, version: version)
    #expect(answer.status == (good ? 204 : 400), "\(query): \(answer.text)")
  }

  /// A handler that reads what its route does not declare fails in every test that gets there.
  @Test func undeclaredReadsFail() async {
    #expect(await send("GET", "/secretly").status == 500)
    #expect(await send("PUT", "/secretly", body: #"{"a": {}}"#).status == 500)
  }

  @Test func aDocumentTellsWhatIsDeclared() throws {
    let service = ServiceAPI(prefix: "test", faultStyle: .nova, routes: Self.routes)
    let document = try JSONValue(parsing: OpenAPI(service, baseURL: "http://cloud").json)
    let post = document["paths"]?["/things"]?["post"]
    let thing = post?["requestBody"]?["content"]?["application/json"]?["schema"]?["properties"]?["thing"]
    #expect(thing?["required"] == .array([.string("name")]))
    #expect(thing?["additionalProperties"] == .bool(false))
    #expect(thing?["properties"]?["name"]?["maxLength"] == .int(5))
    #expect(thing?["properties"]?["late"]?["x-openstack-min-version"] == .string("2.5"))
    let get = document["paths"]?["/things"]?["get"]
    let must = get?["parameters"]?.array?.first { $0["name"] == .string("must") }
    #expect(must?["required"] == .bool(true))
    #expect(get?["x-haneul-other-parameters"] == .string("refused since 2.5"))
  }
}
