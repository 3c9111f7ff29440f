import Kit
import Subprocess

/// Runs one of the host's tools with an array of arguments; never a shell.
enum Tool {
  /// What a tool may print at most, in bytes.
  static let outputMax = 32 << 20
  static let timeLimit: Duration = .seconds(30)

  struct Answer: Sendable {
    var succeeded: Bool
    var output: String
    var error: String
  }

  static let environment: Environment = .inherit.updating([
    "LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
  ])

  /// Runs `name` to its end. Throws where it cannot be started or takes longer than `timeLimit`.
  @discardableResult
  static func run(_ name: String, _ arguments: [String], input: String = "") async throws -> Answer {
    try await limited(name) {
      let result = try await Subprocess.run(
        .name(name), arguments: Arguments(arguments), environment: environment, input: .string(input),
        output: .string(limit: outputMax), error: .string(limit: outputMax))
      return Answer(
        succeeded: result.terminationStatus.isSuccess, output: result.standardOutput, error: result.standardError)
    }
  }

  /// Starts what puts itself into the background: nothing of ours stays open in it.
  static func start(_ name: String, _ arguments: [String]) async throws -> Bool {
    try await limited(name) {
      let result = try await Subprocess.run(
        .name(name), arguments: Arguments(arguments), environment: environment, input: .none, output: .discarded,
        error: .discarded)
      return result.terminationStatus.isSuccess
    }
  }

  private static func limited<Value: Sendable>(
    _ name: String, _ body: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    try await withThrowingTaskGroup(of: Value.self) { group in
      group.addTask { try await body() }
      group.addTask {
        try await Task.sleep(for: timeLimit)
        throw Refusal("ToolFailed", "\(name) did not end within \(timeLimit).")
      }
      defer { group.cancelAll() }
      guard let value = try await group.next() else { throw Refusal("ToolFailed", "\(name) gave no answer.") }
      return value
    }
  }
}
