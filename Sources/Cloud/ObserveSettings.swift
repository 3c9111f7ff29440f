import Foundation
import Kit

/// What the operator wants to see of the cloud at work, kept in `cloud.json`.
public struct ObserveSettings: Sendable, Codable, Hashable {
  /// Address and port where `/metrics`, `/healthz` and `/readyz` answer without a token; nil is nowhere.
  public var metricsHost: String?
  public var metricsPort: Int?
  /// Whether control logs a line for each request.
  public var accessLog: Bool?
  /// The share of requests that are traced, 0 to 1; nil traces none, not even those that bring a trace.
  public var traceRatio: Double?

  public init() {}

  /// As the control process of that number, counted from 1, sees them: each listens on a port of its own.
  func seen(byControl number: Int) -> ObserveSettings {
    var settings = self
    settings.metricsPort = metricsPort.map { $0 + number - 1 }
    return settings
  }
}

/// What the operator said of it on the command line; nil keeps what the cloud already is.
public struct ObserveOptions: Sendable {
  /// `ADDRESS:PORT`, or `off`.
  public var metricsListen: String?
  public var accessLog: Bool?
  public var traceRatio: Double?

  public init(metricsListen: String? = nil, accessLog: Bool? = nil, traceRatio: Double? = nil) {
    self.metricsListen = metricsListen
    self.accessLog = accessLog
    self.traceRatio = traceRatio
  }

  /// Puts in what was said. Throws `CloudProblem` for what cannot be.
  func put(_ settings: inout CloudSettings) throws {
    var observe = settings.observe ?? ObserveSettings()
    if let accessLog { observe.accessLog = accessLog ? true : nil }
    if let traceRatio {
      guard (0...1).contains(traceRatio) else { throw CloudProblem("--trace \(traceRatio) is no share from 0 to 1.") }
      observe.traceRatio = traceRatio == 0 ? nil : traceRatio
    }
    if let metricsListen { try Self.listen(metricsListen, &observe) }
    settings.observe = observe == ObserveSettings() ? nil : observe
  }

  private static func listen(_ text: String, _ observe: inout ObserveSettings) throws {
    if text == "off" {
      (observe.metricsHost, observe.metricsPort) = (nil, nil)
      return
    }
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    let host = parts.dropLast().joined(separator: ":").filter { $0 != "[" && $0 != "]" }
    guard let port = parts.last.flatMap({ Int($0) }), (1...65535 - CloudOptions.controlsMax).contains(port),
      let address = IPAddress(host.isEmpty ? CloudOptions.defaultHost : host)
    else { throw CloudProblem("--metrics-listen \(text) is neither ADDRESS:PORT nor off.") }
    observe.metricsHost = address.description
    observe.metricsPort = port
  }
}
