import API
import Auth
import Kit
import Testing

@testable import Cloud

/// What every route must have declared, and what its declaration does.
struct EveryRouteDeclaredTests {
  /// One for all: nothing here makes anything.
  private static let fixture = Task { try await WholeCloudFixture() }

  @Test func everyRouteIsBounded() async throws {
    let cloud = try await Self.fixture.value
    for (_, route, target) in cloud.everyRoute {
      let name = "\(route.method.rawValue) \(target)"
      #expect(!route.permission.name.isEmpty, "\(name)")
      switch route.body {
      case .unread, .stream: break
      case .needed(let shape), .optional(let shape):
        #expect((1...1 << 20).contains(route.bytesMax), "\(name)")
        // Something is said of it: not whatever a client may send.
        if case .any = shape { Issue.record("\(name) takes any body") }
      }
      #expect(Set(route.query.parameters.map(\.name)).count < Query.parametersMax, "\(name)")
    }
  }

  /// A query or a body that is too long is refused by every route, in its service's own shape.
  @Test func whatIsTooLongHasAFaultOfTheServicesShape() async throws {
    let cloud = try await Self.fixture.value
    let query = "?" + (0...Query.parametersMax).map { "a\($0)=1" }.joined(separator: "&")
    for (service, route, target) in cloud.everyRoute {
      let method = route.method.rawValue
      let long = await cloud.send(method, target + query, token: cloud.admin)
      #expect([400, 404, 405].contains(long.status), "\(method) \(target): \(long.status)")
      #expect(EveryRouteTests.hasShape(long, service.faultStyle), "\(method) \(target): \(long.text)")
      guard route.body.isParsed else { continue }
      let body = "{\"a\": \"" + String(repeating: "x", count: route.bytesMax) + "\"}"
      let huge = await cloud.send(method, target, token: cloud.admin, body: body)
      #expect([413, 404, 405].contains(huge.status), "\(method) \(target): \(huge.status)")
      #expect(EveryRouteTests.hasShape(huge, service.faultStyle), "\(method) \(target): \(huge.text)")
    }
  }

  /// What is not declared is refused or ignored as the declaration says.
  @Test func undeclaredParametersAreRefusedOrIgnored() async throws {
    let cloud = try await Self.fixture.value
    for (service, route, target) in cloud.everyRoute where route.method == .get {
      let headers = service.versions.map { [("OpenStack-API-Version", "\($0.serviceType) latest")] } ?? []
      let plain = await cloud.send("GET", target, token: cloud.admin, headers: headers)
      let more = await cloud.send("GET", target + "?xx_stranger=1", token: cloud.admin, headers: headers)
      switch route.query.others {
      case .ignored: #expect(more.status == plain.status, "\(target)")
      case .refused, .refusedSince: #expect([400, 404].contains(more.status), "\(target): \(more.status)")
      case .filters: #expect(more.status == 200 && more.text.contains("[]"), "\(target): \(more.text)")
      }
    }
  }

  @Test func everyServiceHasAnOpenAPIDocument() async throws {
    let cloud = try await Self.fixture.value
    for service in Set(cloud.everyRoute.map(\.service.prefix)) {
      let reply = await cloud.send("GET", "/haneul/v1/openapi/\(service)", token: cloud.member)
      #expect(reply.status == 200)
      let document = try JSONValue(parsing: reply.text)
      #expect(document["openapi"] == .string("3.1.0"))
      #expect(document["servers"]?.array?.first?["url"] == .string("http://cloud/\(service)"))
      let paths = try #require(document["paths"]?.object)
      let told = paths.values.reduce(0) { $0 + ($1.object?.count ?? 0) }
      #expect(told == cloud.everyRoute.filter { $0.service.prefix == service }.count, "\(service)")
    }
    #expect(await cloud.send("GET", "/haneul/v1/openapi/nothing", token: cloud.member).status == 404)
  }

  /// Discovery leads to where the client came in, with and without a trailing slash.
  @Test(arguments: [
    ("identity", 300), ("image", 300), ("compute", 200), ("network", 200), ("placement", 200), ("haneul", 200),
  ])
  func discoveryLeadsBack(service: String, status: Int) async throws {
    let cloud = try await Self.fixture.value
    for target in ["/\(service)", "/\(service)/"] {
      let reply = await cloud.send("GET", target, token: nil)
      #expect(reply.status == status, "\(target): \(reply.status)")
      let body = try JSONValue(parsing: reply.text)["versions"]
      let versions = try #require(body?.array ?? body?["values"]?.array)
      for version in versions {
        let href = version["links"]?.array?.first?["href"]?.string
        #expect(href == "" || href?.hasPrefix("http://cloud/\(service)/v") == true, "\(target): \(href ?? "none")")
      }
    }
  }
}
