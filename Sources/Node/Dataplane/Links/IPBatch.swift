import Kit
import Logging
import NodeLink

/// Commands for one run of `ip -batch`, each with the object it is for.
struct IPBatch: Sendable {
  private var lines: [(text: String, owner: ObjectKey?)] = []

  var isEmpty: Bool { lines.isEmpty }

  mutating func add(_ text: String, for owner: ObjectKey? = nil) { lines.append((text, owner)) }

  /// Runs every line, also after one that fails; what failed, by object.
  func run(in namespace: String? = nil, logger: Logger) async -> [ObjectKey: Refusal] {
    guard !lines.isEmpty else { return [:] }
    let place = namespace.map { ["-n", $0] } ?? []
    do {
      let answer = try await Tool.run(
        "ip", place + ["-force", "-batch", "-"], input: lines.map { $0.text + "\n" }.joined())
      return answer.succeeded ? [:] : failures(answer.error, logger)
    } catch {
      logger.error("ip failed", metadata: ["error": "\(error)"])
      let refusal = Refusal("DeviceFailed", "The host's network tool could not be run.")
      return Dictionary(lines.compactMap { $0.owner }.map { ($0, refusal) }, uniquingKeysWith: { first, _ in first })
    }
  }

  /// `ip` writes what went wrong, then `Command failed -:LINE`.
  private func failures(_ error: String, _ logger: Logger) -> [ObjectKey: Refusal] {
    var failures: [ObjectKey: Refusal] = [:]
    var message = ""
    for text in error.split(separator: "\n") {
      guard let number = Self.failedLine(text), lines.indices.contains(number - 1) else {
        message = String(text.prefix(200))
        continue
      }
      let line = lines[number - 1]
      // One end of a veth pair takes the other with it: what is gone already was to go.
      if line.text.hasPrefix("link del "), message.contains("Cannot find device") { continue }
      logger.warning("ip refused", metadata: ["command": "\(line.text)", "error": "\(message)"])
      if let owner = line.owner {
        failures[owner] = Refusal("DeviceFailed", "A network device was refused: \(message)")
      }
    }
    return failures
  }

  private static func failedLine(_ text: some StringProtocol) -> Int? {
    guard text.hasPrefix("Command failed -:") else { return nil }
    return Int(text.drop { $0 != ":" }.dropFirst())
  }
}
