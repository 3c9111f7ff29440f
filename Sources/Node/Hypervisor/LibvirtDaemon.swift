import CLibvirt
import Foundation
import Subprocess

/// Sees to it that libvirtd runs, and changes nothing of its configuration.
///
/// No setting of `/etc/libvirt/qemu.conf` is needed: Debian's defaults do, with and without systemd. The user that
/// QEMU runs as is said in each domain's `<seclabel>`, which goes before the file.
public enum LibvirtDaemon {
  /// How long libvirtd may take to answer; its first start probes QEMU for about 12 s.
  public static let secondsMax = 30

  /// Starts virtlogd and libvirtd where nothing has (systemd does it where it runs the machine), and waits until
  /// libvirtd answers. Throws `HypervisorError.daemonUnavailable`.
  public static func ensureRunning() async throws {
    try await ensureRunning(uri: "qemu:///system", calls: BlockingCalls())
  }

  static func ensureRunning(uri: String, calls: BlockingCalls) async throws {
    guard uri == "qemu:///system" else { return }
    if await answers(uri, calls) { return }
    if FileManager.default.fileExists(atPath: "/run/systemd/system") {
      try await run("systemctl", ["start", "libvirtd.service"])
    } else {
      try await runUnlessLocked("virtlogd", socket: "/run/libvirt/virtlogd-sock")
      try await runUnlessLocked("libvirtd", socket: "/run/libvirt/libvirt-sock")
    }
    guard await answers(uri, calls) else {
      throw HypervisorError.daemonUnavailable(
        reason: "it was started and does not answer within \(secondsMax) s: see its log or run libvirtd in a terminal")
    }
  }

  /// Whether libvirtd takes a connection. Opening waits by itself until a libvirtd that is starting is ready.
  private static func answers(_ uri: String, _ calls: BlockingCalls) async -> Bool {
    await within(seconds: secondsMax) {
      try await calls.run {
        try LibvirtEventLoop.start()
        guard let connection = virConnectOpen(uri) else { throw HypervisorError.last() }
        virConnectClose(connection)
      }
    }
  }

  /// Starts a daemon into the background. Another process may start it at the same moment and hold its lock: then
  /// its answer decides. Both return once their socket listens.
  private static func runUnlessLocked(_ daemon: String, socket: String) async throws {
    if isListening(socket) { return }
    do {
      try await run(daemon, ["-d"])
    } catch {
      guard isListening(socket) else { throw error }
    }
  }

  private static func run(_ program: String, _ arguments: [String]) async throws {
    let outcome = try await Subprocess.run(
      .name(program), arguments: Arguments(arguments),
      environment: .custom(["PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"]),
      output: .discarded, error: .string(limit: 16_384))
    guard outcome.terminationStatus.isSuccess else {
      throw HypervisorError.daemonUnavailable(reason: "\(program) does not start: \(outcome.standardError)")
    }
  }

  private static func isListening(_ path: String) -> Bool {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8).prefix($0.count - 1)) }
    return withUnsafePointer(to: address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
      }
    }
  }

  /// Whether `body` succeeds in time. A blocking call that comes too late is left to end by itself.
  private static func within(seconds: Int, _ body: @escaping @Sendable () async throws -> Void) async -> Bool {
    let (stream, continuation) = AsyncStream.makeStream(of: Bool.self, bufferingPolicy: .bufferingOldest(1))
    let work = Task {
      do {
        try await body()
        continuation.yield(true)
      } catch {
        continuation.yield(false)
      }
    }
    let clock = Task {
      try? await Task.sleep(for: .seconds(seconds))
      continuation.yield(false)
    }
    defer {
      work.cancel()
      clock.cancel()
    }
    for await succeeded in stream { return succeeded }
    return false
  }
}
