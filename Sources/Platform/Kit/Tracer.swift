import Foundation
import Synchronization

/// Keeps spans in a file: OTLP's JSON form, one `ExportTraceServiceRequest` a line, which a collector's
/// `otlpjsonfile` receiver reads.
///
/// A request that brings a sampled `traceparent` is traced; one that brings none is traced by chance. Its trace's id is
/// then its request id's digits: so a node's step, which knows the request id alone, is told to the same trace.
public final class Tracer: MetricsSource {
  /// Spans that may wait to be written; more are dropped and counted.
  static let waitingMax = 8192
  /// Requests with a trace id of their clients' own that are remembered, for the steps that come after their answers.
  static let requestsMax = 10_000
  /// How long a span waits for company, in seconds.
  private static let gatherSeconds = 0.5

  private struct State: Sendable {
    var spans: [Span] = []
    var isScheduled = false
    /// The places of requests whose clients brought a trace; nil where it is not sampled.
    var brought: [String: TraceContext?] = [:]
    /// Their order, a ring.
    var order: [String] = []
    var oldest = 0
  }

  private let ratio: Double
  private let resource: [(String, String)]
  private let file: LineFile
  private let queue = DispatchQueue(label: "traces")
  private let state = Mutex(State())
  private let kept = Counter()
  private let dropped = Counter()

  /// - Parameters:
  ///   - ratio: the share of requests without a trace of their own that are traced, 0 to 1.
  ///   - resource: what is said of this process, `service.name` and the like.
  public init(ratio: Double, resource: [(String, String)], file: LineFile) {
    self.ratio = min(max(ratio, 0), 1)
    self.resource = resource
    self.file = file
  }

  /// The span of a request that has come; nil where it is not traced.
  public func begin(requestID: String, traceparent: String?) -> RequestSpan? {
    if let parent = traceparent.flatMap({ TraceContext(traceparent: $0) }) {
      var own = parent.child(named: TraceContext(requestID: requestID, sampled: true)?.spanID ?? 1)
      own.sampled = parent.sampled
      remember(requestID, own.sampled ? own : nil)
      return own.sampled ? span(own, parent.spanID) : nil
    }
    return drawn(requestID).map { span($0, nil) }
  }

  /// The place of a request that was answered already, by its id; nil where it is not traced.
  public func context(of requestID: String) -> TraceContext? {
    if let brought = state.withLock({ $0.brought[requestID] }) { return brought }
    return drawn(requestID)
  }

  private func span(_ context: TraceContext, _ parentID: UInt64?) -> RequestSpan {
    RequestSpan(context: context, parentID: parentID) { [weak self] in self?.keep($0) }
  }

  /// By the id's own digits, which are random: every process comes to the same end.
  private func drawn(_ requestID: String) -> TraceContext? {
    guard ratio > 0, let place = TraceContext(requestID: requestID, sampled: true) else { return nil }
    let lot = Double(TraceContext.mix(place.traceLow) >> 11) / Double(1 << 53)
    return lot < ratio ? place : nil
  }

  private func remember(_ requestID: String, _ place: TraceContext?) {
    state.withLock { state in
      if state.order.count < Self.requestsMax {
        state.order.append(requestID)
      } else {
        state.brought[state.order[state.oldest]] = nil
        state.order[state.oldest] = requestID
        state.oldest = (state.oldest + 1) % Self.requestsMax
      }
      state.brought[requestID] = .some(place)
    }
  }

  /// Takes a span; returns at once.
  public func keep(_ span: Span) {
    let schedule: Bool? = state.withLock { state in
      guard state.spans.count < Self.waitingMax else { return nil }
      state.spans.append(span)
      defer { state.isScheduled = true }
      return !state.isScheduled
    }
    guard let schedule else { return dropped.add() }
    kept.add()
    if schedule { queue.asyncAfter(deadline: .now() + Self.gatherSeconds) { self.write() } }
  }

  /// Returns when the spans kept before are in the file.
  public func flush() async {
    write()
    await file.flush()
  }

  private func write() {
    let spans = state.withLock { state in
      defer { (state.spans, state.isScheduled) = ([], false) }
      return state.spans
    }
    if !spans.isEmpty { file.append(SpanJSON.line(spans, resource: resource)) }
  }

  public func write(_ page: inout MetricsPage) {
    page.family("haneul_trace_spans_total", "counter", "Spans that were kept.") { $0.sample([], kept.count) }
    page.family("haneul_trace_dropped_total", "counter", "Spans, and lines of spans, that could not be kept.") {
      $0.sample([], dropped.count + file.dropped.count)
    }
  }
}

/// Spans as OTLP's JSON form writes them.
enum SpanJSON {
  static func line(_ spans: [Span], resource: [(String, String)]) -> [UInt8] {
    var writer = JSONWriter(capacity: 512 * spans.count)
    writer.object { json in
      json.field("resourceSpans", [0]) { json, _ in
        json.object { json in
          json.field("resource") { $0.field("attributes", resource) { $0.attribute($1.0, .text($1.1)) } }
          json.field("scopeSpans", [0]) { json, _ in
            json.object { json in
              json.field("scope") { $0.field("name", "haneul") }
              json.field("spans", spans) { $0.span($1) }
            }
          }
        }
      }
    }
    return writer.bytes
  }
}

extension JSONWriter {
  fileprivate mutating func attribute(_ name: String, _ value: Span.Attribute) {
    object { json in
      json.field("key", name)
      json.field("value") { json in
        switch value {
        case .text(let text): json.field("stringValue", text)
        // 64-bit numbers are strings in protobuf's JSON.
        case .number(let number): json.field("intValue", String(number))
        }
      }
    }
  }

  fileprivate mutating func span(_ span: Span) {
    object { json in
      json.field("traceId", span.context.traceID)
      json.field("spanId", TraceContext.text(span.context.spanID))
      if let parent = span.parentID { json.field("parentSpanId", TraceContext.text(parent)) }
      json.field("name", span.name)
      json.field("kind", span.kind.rawValue)
      json.field("startTimeUnixNano", "\(span.began.microseconds)000")
      json.field("endTimeUnixNano", "\(span.ended.microseconds)000")
      json.field("attributes", span.attributes) { $0.attribute($1.0, $1.1) }
      json.field("status") { json in
        if let error = span.error {
          json.field("code", 2)
          json.field("message", error)
        }
      }
    }
  }
}
