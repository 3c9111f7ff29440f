/// What is asked of the process itself, outside of any service: `/healthz`, `/readyz` and `/metrics`.
public struct Probes: Sendable {
  /// What stands in the way of serving, in words for an operator; empty where nothing does.
  public var obstacles: @Sendable () async -> [String]
  /// The text of `/metrics`; nil where there are none.
  public var metrics: (@Sendable (RawRequest) async -> Reply)?

  public init(
    obstacles: @escaping @Sendable () async -> [String] = { [] },
    metrics: (@Sendable (RawRequest) async -> Reply)? = nil
  ) {
    self.obstacles = obstacles
    self.metrics = metrics
  }

  /// Answers one of the probes' paths; nil for any other.
  func reply(_ segments: [String], _ request: RawRequest) async -> Reply? {
    guard segments.count == 1, let name = segments.first, ["healthz", "readyz", "metrics"].contains(name) else {
      return nil
    }
    guard request.method == "GET" || request.method == "HEAD" else {
      return Reply(status: 405, headers: [("Allow", "GET, HEAD")])
    }
    switch name {
    case "healthz": return Self.text(200, "ok\n")
    case "readyz":
      let found = await obstacles()
      return found.isEmpty ? Self.text(200, "ready\n") : Self.text(503, found.map { $0 + "\n" }.joined())
    default: return await metrics?(request)
    }
  }

  private static func text(_ status: Int, _ text: String) -> Reply {
    Reply(status: status, body: .bytes(Array(text.utf8), contentType: "text/plain; charset=utf-8"))
  }
}
