import Foundation
import Logging
import Subprocess

/// Boots a Linux kernel without a disk under KVM, as QEMU's own user. A kernel that comes as far as looking for its
/// root file system has had page tables, interrupts, timers and all its drivers: where KVM is not real, QEMU aborts
/// or the kernel hangs before.
struct AcceleratorTrial: Sendable {
  static let secondsMax = 10
  static let outputBytesMax = 1 << 20
  /// What a kernel says when it has booted and finds no root.
  private static let booted = ["Unable to mount root fs", "Run /init as init process"]
  private static let emulator = "qemu-system-x86_64"
  private static let environment = Environment.custom(["PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"])

  let user: QEMUUser
  /// Kernels to boot: the first that is there and that QEMU's user may read.
  let kernels: [String]
  let logger: Logger

  /// Kernels where Debian and this project's guest image put them.
  static func usualKernels() -> [String] {
    var name = utsname()
    uname(&name)
    let release = withUnsafeBytes(of: &name.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    return ["/boot/vmlinuz-" + release, "/vmlinuz", "/var/cache/haneul/vmlinuz"]
  }

  /// QEMU's version as it says it.
  func qemuVersion() async throws -> String {
    let result = try await Subprocess.run(
      .name(Self.emulator), arguments: ["--version"], environment: Self.environment, output: .string(limit: 4096))
    guard result.terminationStatus.isSuccess, let line = result.standardOutput.split(separator: "\n").first else {
      throw HypervisorError.daemonUnavailable(reason: "\(Self.emulator) does not run: apt-get install qemu-system-x86")
    }
    return String(line)
  }

  /// Whether a kernel boots under KVM within `secondsMax`; nil where there is no kernel to boot.
  func kvmBoots() async throws -> Bool? {
    guard let kernel = kernels.first(where: { FileManager.default.isReadableFile(atPath: $0) }) else {
      logger.warning("no kernel to try KVM with: guests run without it", metadata: ["tried": "\(kernels)"])
      return nil
    }
    let began = ContinuousClock.now
    let works = await boots(kernel, accelerator: .kvm)
    logger.info(
      "trial boot under KVM",
      metadata: [
        "kernel": "\(kernel)", "works": "\(works)", "took": "\(ContinuousClock.now - began)",
      ])
    return works
  }

  /// Boots `kernel`; true once it has said, within `secondsMax`, that it booted. QEMU is gone when this returns.
  func boots(_ kernel: String, accelerator: Accelerator, secondsMax: Int = Self.secondsMax) async -> Bool {
    // By setpriv and not by Subprocess's own options: those call setgroups between fork and exec, where glibc waits
    // for threads that the child does not have.
    let privileges = [
      "--reuid", "\(user.uid)", "--regid", "\(user.gid)",
      "--groups", user.groups.map(String.init).joined(separator: ","), "--no-new-privs", "--", Self.emulator,
    ]
    let outcome = try? await Subprocess.run(
      .name("setpriv"), arguments: Arguments(privileges + Self.arguments(kernel, accelerator)),
      environment: Self.environment, input: .none, output: .sequence, error: .discarded
    ) { execution in
      let booted = await withTaskGroup(of: Bool.self) { group in
        group.addTask { await Self.saysBooted(execution.standardOutput) }
        group.addTask {
          try? await Task.sleep(for: .seconds(secondsMax))
          // By its id: this ends the output too, which the other task reads.
          try? execution.send(signal: .kill)
          return false
        }
        defer { group.cancelAll() }
        return await group.next() ?? false
      }
      try? execution.send(signal: .kill)
      return booted
    }
    return outcome?.closureResult ?? false
  }

  private static func saysBooted(_ output: SubprocessOutputSequence) async -> Bool {
    var said: [UInt8] = []
    do {
      for try await piece in output {
        said += piece.withUnsafeBytes { Array($0) }
        let text = String(decoding: said, as: UTF8.self)
        if booted.contains(where: { text.contains($0) }) { return true }
        guard said.count < outputBytesMax else { return false }
      }
    } catch {}
    return false
  }

  private static func arguments(_ kernel: String, _ accelerator: Accelerator) -> [String] {
    let processor = accelerator == .kvm ? ["-accel", "kvm", "-cpu", "host"] : ["-accel", "tcg", "-cpu", "max"]
    return processor + [
      "-machine", "pc", "-m", "256", "-nodefaults", "-no-user-config", "-display", "none", "-serial", "stdio",
      "-no-reboot", "-sandbox", "on", "-kernel", kernel, "-append", "console=ttyS0 panic=-1",
    ]
  }
}
