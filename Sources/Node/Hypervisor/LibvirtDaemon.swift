import CLibvirt
import Foundation
import Subprocess

/// Sees to it that libvirtd runs, and changes nothing of its configuration.
///
/// No setting of `/etc/libvirt/qemu.conf` is needed: Debian's defaults do, with and without systemd. The user that
/// QEMU runs as is said in each domain's `<seclabel>`, which goes before the file.
public enum LibvirtDaemon {
  /// The machine's own libvirtd.
  public static let systemURI = "qemu:///system"
  /// How long libvirtd may take to answer; its first start probes QEMU for about 12 s.
  public static let secondsMax = 30
  /// How long a daemon may take to go into the background.
  static let startSecondsMax = 60

  private static let socket = "/run/libvirt/libvirt-sock"
  private static let loggerSocket = "/run/libvirt/virtlogd-sock"
  private static let opener = BlockingCalls(width: 2, waitingMax: 64, limit: .seconds(secondsMax))

  /// Starts virtlogd and libvirtd where nothing has (systemd does it where it runs the machine), and waits until
  /// libvirtd answers. Throws `HypervisorError.daemonUnavailable`.
  public static func ensureRunning() async throws {
    try await start(uri: systemURI)
    do {
      try await opener.run { _ in
        try LibvirtEventLoop.start()
        guard let connection = virConnectOpen(systemURI) else { throw HypervisorError.last() }
        virConnectClose(connection)
      }
    } catch {
      throw HypervisorError.daemonUnavailable(
        reason: "it does not answer within \(secondsMax) s (\(error)): see its log or run libvirtd in a terminal")
    }
  }

  /// Starts libvirtd unless one is there. One that hangs is there: its socket listens, and a second beside it would
  /// not own the guests. Returns once a socket listens; opening a connection waits until libvirtd is ready.
  static func start(uri: String) async throws {
    guard uri == systemURI, !isListening(socket) else { return }
    if isSystemd {
      try await run("systemctl", ["start", "libvirtd.service"])
    } else {
      try await runUnlessListening("virtlogd", socket: loggerSocket)
      try await runUnlessListening("libvirtd", socket: socket)
    }
  }

  /// Starts virtlogd where it is gone: no guest boots without it.
  static func startLogger(uri: String) async throws {
    guard uri == systemURI, !isSystemd else { return }
    try await runUnlessListening("virtlogd", socket: loggerSocket)
  }

  private static var isSystemd: Bool { FileManager.default.fileExists(atPath: "/run/systemd/system") }

  /// Starts a daemon into the background. Another process may start it at the same moment and hold its lock: then
  /// its answer decides. Both return once their socket listens.
  private static func runUnlessListening(_ daemon: String, socket: String) async throws {
    if isListening(socket) { return }
    do {
      try await run(daemon, ["-d"])
    } catch {
      guard isListening(socket) else { throw error }
    }
  }

  private static func run(_ program: String, _ arguments: [String]) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await launch(program, arguments) }
      group.addTask {
        try await Task.sleep(for: .seconds(startSecondsMax))
        throw HypervisorError.daemonUnavailable(reason: "\(program) does not start within \(startSecondsMax) s")
      }
      defer { group.cancelAll() }
      try await group.next()
    }
  }

  private static func launch(_ program: String, _ arguments: [String]) async throws {
    let outcome = try await Subprocess.run(
      .name(program), arguments: Arguments(arguments),
      environment: .custom(["PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"]),
      output: .discarded, error: .string(limit: 16_384))
    guard outcome.terminationStatus.isSuccess else {
      throw HypervisorError.daemonUnavailable(reason: "\(program) does not start: \(outcome.standardError)")
    }
  }

  /// Whether somebody listens on a socket, though he may be too busy, or hang, to take what waits there.
  static func isListening(_ path: String) -> Bool {
    let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
    let descriptor = Foundation.socket(AF_UNIX, kind, 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8).prefix($0.count - 1)) }
    let result = withUnsafePointer(to: address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    return result == 0 || errno == EAGAIN
  }
}
