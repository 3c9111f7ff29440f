import ArgumentParser
import Cloud

/// `haneul routes`: every route of the API with the permission it asks for.
struct Routes: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List every route of the API: method, path, microversions, permission.")

  func run() async throws {
    for line in try await ControlProcess.routeListing() { print(line) }
  }
}
