import Kit
import Logging
import NodeLink

/// Commands for one run of `ip -batch`, each with the object it is for.
struct IPBatch: Sendable {
  private var lines: [(text: String, owner: ObjectKey?)] = []

  var isEmpty: Bool { lines.isEmpty }

  /// The objects it is for, in order: `network/UUID port/UUID`.
  var owners: String { Set(lines.compactMap { $0.owner?.description }).sorted().joined(separator: " ") }

  mutating func add(_ text: String, for owner: ObjectKey? = nil) { lines.append((text, owner)) }

  /// Runs every line, also after one that fails; what failed, by object.
  func run(in namespace: String? = nil, logger: Logger) async -> [ObjectKey: Refusal] {
    var failed: [ObjectKey: Refusal] = [:]
    var rest = lines[...]
    while !rest.isEmpty {
      do {
        let done = try await run(rest, in: namespace)
        for (line, message) in done.failures { note(line, message, &failed, logger) }
        rest = rest.dropFirst(done.count)
      } catch {
        logger.error("ip failed", metadata: ["error": "\(error)"])
        let refusal = Refusal("DeviceFailed", "The host's network tool could not be run.")
        for owner in rest.compactMap(\.owner) where failed[owner] == nil { failed[owner] = refusal }
        return failed
      }
    }
    return failed
  }

  /// What is answered after each line that was carried out: `ip` ends at a word it cannot read, and the lines behind it
  /// must not be lost with it.
  private static let mark = "link show dev lo\n"

  /// Runs lines up to the end, or to one at which `ip` gives up: how many that were, and which of them failed.
  private func run(
    _ part: ArraySlice<(text: String, owner: ObjectKey?)>, in namespace: String?
  ) async throws -> (count: Int, failures: [(line: (text: String, owner: ObjectKey?), message: String)]) {
    let place = namespace.map { ["-n", $0] } ?? []
    let answer = try await Tool.run(
      "ip", ["-o"] + place + ["-force", "-batch", "-"], input: part.map { $0.text + "\n" + Self.mark }.joined())
    let reached = answer.output.split(separator: "\n").count
    var failures: [(line: (text: String, owner: ObjectKey?), message: String)] = []
    var message = ""
    // `ip` writes what went wrong, then `Command failed -:LINE`.
    for text in answer.error.split(separator: "\n") {
      guard let number = Self.failedLine(text) else {
        message = String(text.prefix(200))
        continue
      }
      let index = part.startIndex + (number - 1) / 2
      if part.indices.contains(index) { failures.append((part[index], message)) }
    }
    guard reached < part.count else { return (part.count, failures) }
    failures.append((part[part.startIndex + reached], message))
    return (reached + 1, failures)
  }

  private func note(
    _ line: (text: String, owner: ObjectKey?), _ message: String, _ failed: inout [ObjectKey: Refusal], _ logger: Logger
  ) {
    // One end of a veth pair takes the other with it: what is gone already was to go.
    if line.text.hasPrefix("link del "), message.contains("Cannot find device") { return }
    logger.warning("ip refused", metadata: ["command": "\(line.text)", "error": "\(message)"])
    if let owner = line.owner, failed[owner] == nil {
      failed[owner] = Refusal("DeviceFailed", "A network device was refused: \(message)")
    }
  }

  private static func failedLine(_ text: some StringProtocol) -> Int? {
    guard text.hasPrefix("Command failed -:") else { return nil }
    return Int(text.drop { $0 != ":" }.dropFirst())
  }
}
