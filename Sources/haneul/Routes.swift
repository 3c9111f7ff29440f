import ArgumentParser
import Cloud

/// `haneul routes`: every route of the API as it is declared.
struct Routes: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List every route of the API: path, method, microversions, permission, query, body.",
    discussion: """
      A line a route, from the declarations that decide about it. It needs no cloud; one that runs has the OpenAPI \
      documents at /haneul/v1/openapi/SERVICE, too.
      """)

  @Flag(help: "Print the list as JSON.")
  var json = false

  @Option(
    help: ArgumentHelp(
      "Print a service's OpenAPI 3.1 document instead: identity, image, placement, network, compute, haneul.",
      valueName: "service"))
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
