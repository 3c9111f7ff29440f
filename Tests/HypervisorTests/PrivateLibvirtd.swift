import Foundation
import Kit
import Subprocess

/// A libvirtd of the test's own, which it may kill.
struct PrivateLibvirtd: Sendable {
  let directory = "/tmp/haneul-libvirtd-" + Identifier.hex()
  var uri: String { "qemu+unix:///system?socket=\(directory)/run/libvirt-sock" }

  /// Runs it while `body` does, which is told its process id, then kills it.
  func running<T: Sendable>(_ body: @Sendable (pid_t) async throws -> T) async throws -> T {
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("Scripts/private-libvirtd.sh").path
    let result = try await Subprocess.run(
      .name("bash"), arguments: [script, directory], input: .none, output: .discarded, error: .discarded
    ) { execution in
      let outcome: Swift.Result<T, any Error>
      do {
        // On a busy machine it needs its time: the first call must not be what finds out.
        _ = try await eventually(seconds: 120) {
          FileManager.default.fileExists(atPath: directory + "/run/libvirt-sock")
        }
        outcome = .success(try await body(execution.processIdentifier.value))
      } catch { outcome = .failure(error) }
      try execution.send(signal: .kill)
      return outcome
    }
    return try result.closureResult.get()
  }
}
