import ArgumentParser
import Cloud

/// `haneul routes`: every route of the API as it is declared.
struct Routes: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List every route of the API: path, method, microversions, permission, query, body.")

  @Flag(help: "Print the list as JSON.")
  var json = false

  @Option(help: "Print this service's OpenAPI 3.1 document instead.")
  var openapi: String?

  func run() async throws {
    let listing = try await RouteListing()
    if let openapi {
      print(try listing.openAPI(openapi))
    } else if json {
      print(listing.json)
    } else {
      for line in listing.lines { print(line) }
    }
  }
}
