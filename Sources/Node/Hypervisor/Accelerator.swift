import Foundation

/// What runs a guest's instructions: libvirt's domain type.
enum Accelerator: String, Codable, Sendable { case kvm, qemu }

/// Which accelerator works on this host. A machine may advertise KVM with which no ordinary kernel boots, so a kernel
/// is booted; the outcome holds for one boot of the host and one version of QEMU.
actor AcceleratorChoice {
  private struct Remembered: Codable {
    var bootID: String
    var qemuVersion: String
    var accelerator: Accelerator
  }

  private let path: String
  private let trial: AcceleratorTrial
  private var deciding: Task<Accelerator, any Error>?

  /// - Parameter directory: where the outcome is remembered.
  init(directory: String, trial: AcceleratorTrial) {
    self.path = directory + "/accelerator.json"
    self.trial = trial
  }

  /// The accelerator; those who ask while the trial runs share it.
  func accelerator() async throws -> Accelerator {
    let task = deciding ?? Task { try await decide() }
    deciding = task
    do {
      return try await task.value
    } catch {
      deciding = nil
      throw error
    }
  }

  private func decide() async throws -> Accelerator {
    // Without the device there is nothing to try.
    guard KVMDevice.exists else { return .qemu }
    let boot = (try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)) ?? ""
    let version = try await trial.qemuVersion()
    if let bytes = FileManager.default.contents(atPath: path),
      let remembered = try? JSONDecoder().decode(Remembered.self, from: bytes),
      remembered.bootID == boot, remembered.qemuVersion == version
    {
      return remembered.accelerator
    }
    // nil: nothing could be booted, which says nothing of KVM and is not remembered.
    guard let works = try await trial.kvmBoots() else { return .qemu }
    let accelerator: Accelerator = works ? .kvm : .qemu
    let remembered = Remembered(bootID: boot, qemuVersion: version, accelerator: accelerator)
    // On a full disk the next start tries again; no guest waits for that.
    try? JSONEncoder().encode(remembered).write(to: URL(fileURLWithPath: path), options: .atomic)
    return accelerator
  }
}
