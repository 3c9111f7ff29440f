import Foundation
import Subprocess

/// Runs a program of the host for what it says, and never waits for long.
struct HostCommand {
  /// Bytes taken of each output.
  private static let bytesMax = 4 << 20

  struct Output: Sendable {
    var succeeded: Bool
    var text: String
    var error: String
  }

  /// nil where it is not there, or said nothing within `seconds`.
  static func run(_ program: String, _ arguments: [String], input: String = "", seconds: Int = 15) async -> Output? {
    await withTaskGroup(of: Output?.self) { group in
      group.addTask { try? await launch(program, arguments, input) }
      group.addTask {
        try? await Task.sleep(for: .seconds(seconds))
        return nil
      }
      defer { group.cancelAll() }
      return await group.next() ?? nil
    }
  }

  private static func launch(_ program: String, _ arguments: [String], _ input: String) async throws -> Output {
    let result = try await Subprocess.run(
      .name(program), arguments: Arguments(arguments),
      environment: .custom(["PATH": searchPath.joined(separator: ":"), "LC_ALL": "C"]), input: .string(input),
      output: .string(limit: bytesMax), error: .string(limit: bytesMax))
    return Output(
      succeeded: result.terminationStatus.isSuccess, text: result.standardOutput,
      error: result.standardError.trimmingCharacters(in: .whitespacesAndNewlines))
  }

  /// Where programs are looked for.
  static let searchPath = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]

  static func exists(_ program: String) -> Bool {
    searchPath.contains { FileManager.default.isExecutableFile(atPath: $0 + "/" + program) }
  }
}
