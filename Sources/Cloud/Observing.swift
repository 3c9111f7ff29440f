import API
import Converge
import Explain
import Foundation
import Kit
import Logging
import NodeLink
import Store

/// What a control process counts, traces and keeps on record.
struct Observing: Sendable {
  /// Bytes of one file of the audit trail, and of one of traces, and how many of each are kept.
  static let auditBytesMax = 32 << 20
  static let auditFilesMax = 8
  static let traceBytesMax = 32 << 20
  static let traceFilesMax = 4

  let registry = MetricsRegistry()
  let stores = StoreMeter()
  let convergers = ConvergerMeter()
  /// Raised when nodes can connect.
  let linkIsOpen = Flag()
  let tracer: Tracer?
  let auditFile: LineFile?
  private let requests = RequestMeter()
  private let accessLog: Logger?

  /// Nothing is written but to the store and the given log. For tests, and for listings.
  init() {
    tracer = nil
    auditFile = nil
    accessLog = nil
    addSources()
  }

  /// - Parameter control: the number of the control process, counted from 1.
  init(_ settings: ObserveSettings, state: StateDirectory, cloudID: String, control: Int, logger: Logger) {
    let files = FileManager.default.isWritableFile(atPath: state.controlLogs)
    if !files {
      logger.warning(
        "the audit trail is kept in the store alone: its folder is not there; `haneul up` makes it",
        metadata: ["folder": "\(state.controlLogs)"])
    }
    auditFile =
      files
      ? LineFile(
        path: state.auditLog(control: control), bytesMax: Self.auditBytesMax, filesMax: Self.auditFilesMax,
        durable: true)
      : nil
    tracer = settings.traceRatio.flatMap { ratio in
      guard files else { return nil }
      return Tracer(
        ratio: ratio,
        resource: [
          ("service.name", "haneul-control"), ("service.namespace", cloudID), ("service.instance.id", "\(control)"),
          ("host.name", ProcessInfo.processInfo.hostName),
        ],
        file: LineFile(
          path: state.traceFile(control: control), bytesMax: Self.traceBytesMax, filesMax: Self.traceFilesMax))
    }
    accessLog = settings.accessLog == true ? ProcessLog.logger("access") : nil
    addSources()
  }

  private func addSources() {
    registry.add(requests)
    registry.add(stores)
    registry.add(convergers)
    registry.add(ProcessMeter())
    if let tracer { registry.add(tracer) }
  }

  /// What else the store has to say on the page of metrics.
  var facts: [ExplainService.Facts] { [StoreFacts.write, SagaFacts.write] }

  func observer(keeper: any RequestKeeper) -> any RequestObserver {
    RequestWatch(meter: requests, tracer: tracer, accessLog: accessLog, keeper: keeper)
  }

  /// Returns when everything that was told is on the disk, or could not be written.
  func flush() async {
    await tracer?.flush()
    await auditFile?.flush()
  }
}

extension Services {
  /// The operators' listener: `/metrics`, `/healthz` and `/readyz` without a token; nil where none is asked for.
  func probes(_ settings: ObserveSettings, logger: Logger) -> HTTPListener? {
    guard let host = settings.metricsHost, let port = settings.metricsPort else { return nil }
    let (explain, readiness) = (explain, readiness)
    let probes = Probes(
      obstacles: { await readiness.obstacles() },
      metrics: { _ in
        guard let page = try? await explain.metricsPage() else {
          return Reply(status: 503, headers: [("Retry-After", "10")])
        }
        return Reply(status: 200, body: .bytes(Array(page.utf8), contentType: MetricsPage.contentType))
      })
    return HTTPListener(
      gateway: Gateway(services: [], tokens: identity, probes: probes, logger: logger), host: host, port: port,
      threads: 1, logger: logger)
  }
}

/// What the operating system says of this process, as Prometheus' own libraries name it.
private struct ProcessMeter: MetricsSource {
  private let started = Double(Timestamp.now().microseconds) / 1e6

  func write(_ page: inout MetricsPage) {
    page.family("process_start_time_seconds", "gauge", "When the process began, in seconds since 1970.") {
      $0.sample([], started)
    }
    // Not `clock_gettime`: whose its struct is depends on which C module was built first.
    page.family("process_cpu_seconds_total", "counter", "Processor time of the process.") {
      $0.sample([], Double(clock()) / 1e6)
    }
    // Pages: the second number of statm is what is in memory.
    guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8),
      let pages = text.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
    else { return }
    page.family("process_resident_memory_bytes", "gauge", "Memory of the process.") {
      $0.sample([], pages * Int(sysconf(Int32(_SC_PAGESIZE))))
    }
  }
}
