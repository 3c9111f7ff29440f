import Drivers
import Subprocess

/// Runs one of the disk tools to its end, within a limit of time and output.
enum DiskTool {
  static let secondsMax = 30
  static let outputBytesMax = 16_384

  static func run(_ tool: String, _ arguments: [String]) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await launch(tool, arguments) }
      group.addTask {
        try await Task.sleep(for: .seconds(secondsMax))
        throw DiskError.toolFailed(tool: tool, reason: "took more than \(secondsMax) s")
      }
      defer { group.cancelAll() }
      try await group.next()
    }
  }

  private static func launch(_ tool: String, _ arguments: [String]) async throws {
    let result = try await Subprocess.run(
      .name(tool), arguments: Arguments(arguments),
      environment: .custom([
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "MTOOLS_SKIP_CHECK": "1", "MTOOLSRC": "/dev/null",
      ]),
      output: .discarded, error: .string(limit: outputBytesMax))
    guard result.terminationStatus.isSuccess else {
      // Not every tool says why it could not write.
      if let path = arguments.last(where: { $0.hasPrefix("/") }), let cause = DiskFiles.unwritable(path) { throw cause }
      throw DiskError.toolFailed(tool: tool, reason: result.standardError)
    }
  }
}
