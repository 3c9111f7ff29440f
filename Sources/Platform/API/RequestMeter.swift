public import Kit
import Synchronization

/// Counts requests by route: how many, how they ended, how long they took. It costs a request a lock that is hardly
/// ever waited for and a few atomic additions.
public final class RequestMeter: MetricsSource {
  /// Routes counted apart: there are as many as the program declares, this only bounds a mistake.
  private static let routesMax = 8192
  /// What stands for no route.
  private static let none = "none"
  private static let classes = ["1xx", "2xx", "3xx", "4xx", "5xx"]
  /// Why the gateway says no, by status.
  private static let reasons = [401: "authentication", 403: "permission", 429: "rate_limit", 503: "overload"]

  private final class Tally: Sendable {
    let labels: [(String, String)]
    let byClass = RequestMeter.classes.map { _ in Counter() }
    let duration = Histogram()
    let bytes = Counter()

    init(service: String?, method: String?, path: String?) {
      labels = [
        ("service", service ?? RequestMeter.none), ("method", method ?? RequestMeter.none),
        ("route", path ?? RequestMeter.none),
      ]
    }
  }

  /// By the route's number; nil where it was not asked for yet.
  private let tallies = Mutex<[Tally?]>([])
  private let unrouted = Tally(service: nil, method: nil, path: nil)
  private let refused: [Int: Counter]
  private let inFlight = Gauge()

  public init() { refused = Self.reasons.mapValues { _ in Counter() } }

  /// A request has come.
  public func began() { inFlight.add(1) }

  /// It has been answered.
  public func answered(_ request: AnsweredRequest) {
    inFlight.add(-1)
    if request.status >= 401 { refused[request.status]?.add() }
    let tally = tally(of: request)
    tally.byClass[min(max(request.status / 100, 1), Self.classes.count) - 1].add()
    tally.duration.observe(Int(request.nanoseconds))
    if request.bytesOut > 0 { tally.bytes.add(request.bytesOut) }
  }

  private func tally(of request: AnsweredRequest) -> Tally {
    guard let route = request.route, (0..<Self.routesMax).contains(route.number) else { return unrouted }
    return tallies.withLock { tallies in
      if route.number < tallies.count, let tally = tallies[route.number] { return tally }
      while tallies.count <= route.number { tallies.append(nil) }
      let tally = Tally(service: request.service, method: route.method.rawValue, path: route.path)
      tallies[route.number] = tally
      return tally
    }
  }

  public func write(_ page: inout MetricsPage) {
    let routes = tallies.withLock { $0.compactMap { $0 } } + [unrouted]
    page.family("haneul_http_requests_total", "counter", "Requests answered, by route and class of status.") { page in
      for tally in routes {
        for (word, counter) in zip(Self.classes, tally.byClass) where counter.count > 0 {
          page.sample(tally.labels + [("status", word)], counter.count)
        }
      }
    }
    page.family("haneul_http_request_duration_seconds", "histogram", "From the request's head to its answer.") { page in
      for tally in routes { page.sample(tally.labels, tally.duration) }
    }
    page.family("haneul_http_answer_bytes_total", "counter", "Bytes of answers' bodies.") { page in
      for tally in routes { page.sample(tally.labels, tally.bytes.count) }
    }
    page.family("haneul_http_requests_in_flight", "gauge", "Requests that are being answered.") {
      $0.sample([], inFlight.number)
    }
    page.family(
      "haneul_http_requests_refused_total", "counter",
      "Requests answered 401 (authentication), 403 (permission), 429 (rate_limit) or 503 (overload)."
    ) { page in
      for (status, reason) in Self.reasons.sorted(by: { $0.key < $1.key }) {
        page.sample([("reason", reason)], refused[status]?.count ?? 0)
      }
    }
  }
}
