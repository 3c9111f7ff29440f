import Foundation
import Testing

@testable import Kit

struct TraceTests {
  private static let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

  @Test func aTraceparentIsReadAndWritten() throws {
    let place = try #require(TraceContext(traceparent: Self.good))
    #expect(place.traceID == "4bf92f3577b34da6a3ce929d0e0e4736")
    #expect(TraceContext.text(place.spanID) == "00f067aa0ba902b7" && place.sampled)
    #expect(place.traceparent == Self.good)
    #expect(TraceContext(traceparent: Self.good.dropLast() + "0")?.sampled == false)
    // A later version may say more.
    #expect(TraceContext(traceparent: "01" + Self.good.dropFirst(2) + "-more") != nil)
  }

  @Test(arguments: [
    "", "00", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7", good + "-more", "ff" + good.dropFirst(2),
    "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
    "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
    "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b71-01",
    "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0", "\u{0}\u{0}-é-é-01", "----",
  ])
  func whatIsNoTraceparentIsNone(text: String) { #expect(TraceContext(traceparent: text) == nil) }

  private struct Spans {
    let folder = NSTemporaryDirectory() + "haneul-trace-" + Identifier.uuid()
    let tracer: Tracer

    init(ratio: Double) throws {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      tracer = Tracer(
        ratio: ratio, resource: [("service.name", "test")],
        file: LineFile(path: folder + "/traces.json", bytesMax: 1 << 20, filesMax: 2))
    }

    func read() async throws -> [JSONValue] {
      await tracer.flush()
      let text = (try? String(contentsOfFile: folder + "/traces.json", encoding: .utf8)) ?? ""
      return try text.split(separator: "\n").flatMap { line -> [JSONValue] in
        let resources = try JSONValue(parsing: String(line))["resourceSpans"]?.array ?? []
        return resources.flatMap { $0["scopeSpans"]?.array ?? [] }.flatMap { $0["spans"]?.array ?? [] }
      }
    }
  }

  private static func span(_ context: TraceContext, _ parent: UInt64?, _ name: String) -> Span {
    Span(
      context: context, parentID: parent, name: name, began: Timestamp(microseconds: 5), ended: .init(microseconds: 9),
      attributes: [("a", .text("x")), ("n", .number(7))], error: "no")
  }

  /// Whoever knows the request's id alone comes to its trace, and to its span.
  @Test func aRequestWithoutATraceGetsItsIDsOwn() async throws {
    let spans = try Spans(ratio: 1)
    let request = Identifier.request()
    let own = try #require(spans.tracer.begin(requestID: request, traceparent: nil))
    #expect("req-" + own.context.traceID == request.replacing("-", with: "").replacing("req", with: "req-"))
    #expect(spans.tracer.context(of: request) == own.context && own.parentID == nil)
    own.add(Self.span(own.context.child(), own.context.spanID, "below"))
    let found = try #require(try await spans.read().first)
    #expect(found["traceId"]?.string == own.context.traceID)
    #expect(found["parentSpanId"]?.string == TraceContext.text(own.context.spanID))
    #expect(found["startTimeUnixNano"] == .string("5000") && found["endTimeUnixNano"] == .string("9000"))
    #expect(found["status"]?["code"] == .int(2) && found["kind"] == .int(1))
    #expect(found["attributes"]?.array?.count == 2)
  }

  @Test func aBroughtTraceIsFollowedAndNotTheRequestsOwn() throws {
    let spans = try Spans(ratio: 0)
    let request = Identifier.request()
    let own = try #require(spans.tracer.begin(requestID: request, traceparent: Self.good))
    #expect(own.context.traceID == "4bf92f3577b34da6a3ce929d0e0e4736")
    #expect(own.parentID == 0x00f0_67aa_0ba9_02b7 && own.context.spanID != own.parentID)
    #expect(spans.tracer.context(of: request) == own.context)
    #expect(spans.tracer.begin(requestID: Identifier.request(), traceparent: nil) == nil)
    let unsampled = Identifier.request()
    let all = try Spans(ratio: 1)
    #expect(all.tracer.begin(requestID: unsampled, traceparent: Self.good.dropLast() + "0") == nil)
    #expect(all.tracer.context(of: unsampled) == nil)
  }

  @Test func theRatioIsTheShareThatIsTraced() throws {
    let spans = try Spans(ratio: 0.25)
    let traced = (0..<4000).count { _ in spans.tracer.begin(requestID: Identifier.request(), traceparent: nil) != nil }
    #expect((700...1300).contains(traced))
  }

  /// Requests that bring traces are remembered up to a bound, the latest ones.
  @Test func whatIsRememberedIsBounded() throws {
    let spans = try Spans(ratio: 0)
    let ids = (0..<Tracer.requestsMax + 10).map { _ in Identifier.request() }
    for id in ids { _ = spans.tracer.begin(requestID: id, traceparent: Self.good) }
    #expect(ids.prefix(10).allSatisfy { spans.tracer.context(of: $0) == nil })
    #expect(ids.dropFirst(10).allSatisfy { spans.tracer.context(of: $0) != nil })
  }

  @Test func spansThatNobodyTakesAreDroppedAndCounted() async throws {
    let spans = try Spans(ratio: 1)
    let own = try #require(spans.tracer.begin(requestID: Identifier.request(), traceparent: nil))
    for _ in 0..<Tracer.waitingMax + 5000 { own.add(Self.span(own.context, nil, "x")) }
    var page = MetricsPage()
    spans.tracer.write(&page)
    let lines = page.text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { $0.split(separator: " ") }
    let counts = Dictionary(uniqueKeysWithValues: lines.map { (String($0[0]), Int($0[1]) ?? -1) })
    #expect(counts.values.reduce(0, +) == Tracer.waitingMax + 5000)
  }
}
