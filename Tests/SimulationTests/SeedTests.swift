import Foundation
import Testing

/// Whole clouds under a seed, each in a process of its own (`simulate`): the simulation takes the clocks, the
/// randomness and the queues of its process over. What fails prints its seed, the last events and the command that
/// replays it.
@Suite(.serialized) struct SeedTests {
  struct Run: Sendable {
    var status: Int32
    var output: String

    /// The digest of everything that happened, as the run says it.
    var digest: String? {
      guard let place = output.range(of: "digest ") else { return nil }
      return String(output[place.upperBound...].prefix(while: { $0.isHexDigit }))
    }
  }

  /// The program beside the one that runs these tests.
  private static var program: URL {
    get throws {
      let places = [
        Bundle.main.bundleURL, URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent(),
        URL(filePath: FileManager.default.currentDirectoryPath + "/.build/debug", directoryHint: .isDirectory),
      ]
      let found = places.map { $0.appending(path: "simulate") }.first {
        FileManager.default.isExecutableFile(atPath: $0.path())
      }
      return try #require(found, "`swift build` makes the program `simulate`")
    }
  }

  private static var commit: String {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["git", "rev-parse", "HEAD"]
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return "unknown" }
    let data = (try? pipe.fileHandleForReading.readToEnd()) ?? nil
    process.waitUntilExit()
    let text = String(decoding: data ?? Data(), as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    return text.isEmpty ? "unknown" : text
  }

  private static func simulate(_ arguments: [String]) throws -> Run {
    let file = URL(filePath: NSTemporaryDirectory() + "haneul-seed-" + UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: file) }
    _ = FileManager.default.createFile(atPath: file.path(), contents: nil)
    let process = Process()
    process.executableURL = try program
    process.arguments = arguments + ["--commit", commit]
    process.standardOutput = try FileHandle(forWritingTo: file)
    process.standardError = process.standardOutput
    try process.run()
    process.waitUntilExit()
    return Run(status: process.terminationStatus, output: try String(contentsOf: file, encoding: .utf8))
  }

  @discardableResult
  private static func holds(_ arguments: [String]) throws -> Run {
    let run = try simulate(arguments)
    #expect(run.status == 0, Comment(rawValue: run.output))
    // A run that did nothing proves nothing.
    #expect(run.output.contains("held"), Comment(rawValue: run.output))
    return run
  }

  private static let small = ["--nodes", "6", "--servers", "20", "--projects", "3", "--seconds", "90"]

  @Test(arguments: 1...4) func aSmallCloud(seed: Int) throws {
    try Self.holds(["--seed", "\(seed)"] + Self.small)
  }

  /// Ten times as many reports as elsewhere come after newer ones: were they believed, ports would stay DOWN.
  @Test func fiftyNodesAndHundredsOfServers() throws {
    let run = try Self.holds(["--seed", "50", "--seconds", "45", "--late", "40"])
    let made = run.output.firstMatch(of: /server made (\d+)/).flatMap { Int($0.1) } ?? 0
    #expect(made >= 200, Comment(rawValue: run.output))
  }

  /// The same seed gives the same run, event by event; another seed gives another.
  @Test func aSeedReplaysExactly() throws {
    let plan = ["--nodes", "3", "--servers", "8", "--projects", "2", "--seconds", "30"]
    let first = try Self.simulate(["--seed", "7"] + plan)
    let again = try Self.simulate(["--seed", "7"] + plan)
    let other = try Self.simulate(["--seed", "8"] + plan)
    #expect(first.digest != nil, Comment(rawValue: first.output))
    #expect(first.output == again.output)
    #expect(first.digest != other.digest)
  }
}
