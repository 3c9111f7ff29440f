import API
import Auth
import Foundation
import Kit
import Logging
import Synchronization
import Testing

/// What metrics, log, traces and the audit trail hear of each request.
struct RequestWatchTests {
  private final class Kept: RequestKeeper {
    private let requests = Mutex<[AnsweredRequest]>([])
    var all: [AnsweredRequest] { requests.withLock { $0 } }
    func keep(_ request: AnsweredRequest) { requests.withLock { $0.append(request) } }
  }

  private final class Lines: Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }
    func take(_ bytes: [UInt8]) { lines.withLock { $0.append(String(decoding: bytes, as: UTF8.self)) } }
  }

  private struct Fixture {
    let kept = Kept()
    let meter = RequestMeter()
    let lines = Lines()
    let tracer: Tracer
    let folder = NSTemporaryDirectory() + "haneul-watch-" + Identifier.uuid()
    let gateway: Gateway

    init() throws {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      tracer = Tracer(
        ratio: 0, resource: [], file: LineFile(path: folder + "/traces.json", bytesMax: 1 << 20, filesMax: 2))
      let lines = lines
      let log = Logger(label: "access") { StructuredLog(label: $0, form: .json) { lines.take($0) } }
      let read = Permission("test:read", .projectReader)
      let routes = [
        Route(.get, "/v2/things/{id}", read, query: .unread) { call in
          if try call.parameter("id") == "bad" { throw NSError(domain: "x", code: 1) }
          return Reply.json { $0.field("seen", RequestScope.current?.asker.userID) }
        },
        Route(.post, "/v2/things", read, query: .unread, body: .needed(.object([]))) { call in
          log.warning("within")
          return Reply.json(201) { $0.field("thing") { $0.field("id", "made-1") } }
        },
      ]
      gateway = Gateway(
        services: [ServiceAPI(prefix: "test", faultStyle: .nova, routes: routes)], tokens: FakeTokens(),
        observer: RequestWatch(meter: meter, tracer: tracer, accessLog: log, keeper: kept),
        logger: Logger(label: "x") { _ in SwiftLogNoOpLogHandler() })
    }

    func send(
      _ method: String, _ target: String, token: String? = "good", _ headers: [(name: String, value: String)] = []
    ) async -> Reply {
      await gateway.respond(
        to: RawRequest(
          method: method, target: target, headers: (token.map { [("X-Auth-Token", $0)] } ?? []) + headers,
          body: BodyStream(bytes: method == "POST" ? Array("{}".utf8) : []), baseURL: "http://cloud",
          remoteAddress: "203.0.113.7"))
    }

    func page() -> Set<String> {
      var page = MetricsPage()
      meter.write(&page)
      return Set(page.text.split(separator: "\n").map(String.init))
    }
  }

  @Test func requestsAreCountedByTheirRoutesAndNotByWhatStrangersMakeUp() async throws {
    let fixture = try Fixture()
    for id in ["a", "b", "bad"] { _ = await fixture.send("GET", "/test/v2/things/\(id)?secret=1") }
    _ = await fixture.send("GET", "/test/v2/things/a", token: nil)
    for number in 0..<50 { _ = await fixture.send("GRAB\(number)", "/made/up/\(number)") }
    let page = fixture.page()
    let labels = #"service="test",method="GET",route="/v2/things/{id}""#
    for line in [
      #"haneul_http_requests_total{\#(labels),status="2xx"} 2"#,
      #"haneul_http_requests_total{\#(labels),status="5xx"} 1"#,
      #"haneul_http_requests_total{\#(labels),status="4xx"} 1"#,
      #"haneul_http_request_duration_seconds_count{\#(labels)} 4"#,
      #"haneul_http_requests_total{service="none",method="none",route="none",status="4xx"} 50"#,
      "haneul_http_requests_in_flight 0", #"haneul_http_requests_refused_total{reason="authentication"} 1"#,
    ] { #expect(page.contains(line), "\(line)\n\(page.sorted().joined(separator: "\n"))") }
    #expect(!page.contains { $0.contains("secret") || $0.contains("made") || $0.contains("GRAB") })
  }

  @Test func theKeeperHearsWhoAndWhat() async throws {
    let fixture = try Fixture()
    let reply = await fixture.send("POST", "/test/v2/things?x=secret")
    let request = try #require(fixture.kept.all.first)
    #expect(request.made == ["made-1"] && request.asksForChange && request.status == 201)
    #expect(request.caller?.userID == "u" && request.remoteAddress == "203.0.113.7")
    #expect(request.path == "/test/v2/things" && request.route?.path == "/v2/things" && request.bytesOut > 0)
    #expect(reply.headers.contains { $0.name == "X-Openstack-Request-Id" && $0.value == request.requestID })
  }

  @Test func logLinesOfARequestNameIt() async throws {
    let fixture = try Fixture()
    _ = await fixture.send("POST", "/test/v2/things?x=secret")
    let request = try #require(fixture.kept.all.first)
    let lines = try fixture.lines.all.map { try JSONValue(parsing: $0) }
    #expect(lines.map { $0["message"]?.string } == ["within", "request"])
    for line in lines {
      #expect(line["request_id"]?.string == request.requestID)
      #expect(line["user_id"] == .string("u") && line["project_id"] == .string("p"))
    }
    #expect(lines.last?["status"] == .string("201") && lines.last?["path"] == .string("/test/v2/things"))
    #expect(!fixture.lines.all.contains { $0.contains("secret") || $0.contains("good") })
  }

  @Test func aTraceGoesOnFromTheClientsSpan() async throws {
    let fixture = try Fixture()
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    _ = await fixture.send("GET", "/test/v2/things/a", [("traceparent", parent)])
    _ = await fixture.send("GET", "/test/v2/things/a", [("traceparent", "nonsense")])
    await fixture.tracer.flush()
    let text = try String(contentsOfFile: fixture.folder + "/traces.json", encoding: .utf8)
    #expect(text.components(separatedBy: "\"spanId\"").count == 2)
    for part in [
      #""traceId":"4bf92f3577b34da6a3ce929d0e0e4736""#, #""parentSpanId":"00f067aa0ba902b7""#,
      #""name":"GET /test/v2/things/{id}""#, #""kind":2"#,
    ] { #expect(text.contains(part), "\(part)\n\(text)") }
  }
}
