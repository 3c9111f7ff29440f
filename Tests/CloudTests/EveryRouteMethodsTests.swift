import API
import Auth
import Kit
import Testing

@testable import Cloud

/// HEAD, OPTIONS and the slash at the end, of every declared route.
struct EveryRouteMethodsTests {
  /// One for all: nothing here makes anything.
  private static let fixture = Task { try await WholeCloudFixture() }

  /// A path of a service with the methods that its newest microversion has there.
  private struct Place {
    var service: ServiceAPI
    var target: String
    var methods: Set<String> = []
  }

  private static func places(_ cloud: WholeCloudFixture) -> [Place] {
    var places: [String: Place] = [:]
    for (service, route, target) in cloud.everyRoute where route.until == nil {
      let segments = route.path.split(separator: "/").map { $0.hasPrefix("{") ? "{}" : String($0) }
      let name = service.prefix + "/" + segments.joined(separator: "/")
      places[name, default: Place(service: service, target: target)].methods.insert(route.method.rawValue)
    }
    return Array(places.values)
  }

  private static func newest(_ service: ServiceAPI) -> [(name: String, value: String)] {
    service.versions.map { [("OpenStack-API-Version", "\($0.serviceType) latest")] } ?? []
  }

  private static func header(_ reply: Reply, _ name: String) -> String? {
    reply.headers.first { $0.name == name }?.value
  }

  /// Keystone's framework answers 200, Placement and Glance refuse the method; each names what is allowed. Nobody needs
  /// a token for it, and nothing is done.
  @Test func optionsTellsWhatIsAllowed() async throws {
    let cloud = try await Self.fixture.value
    let places = Self.places(cloud)
    #expect(places.count > 120)
    for place in places {
      let status =
        switch place.service.faultStyle {
        case .keystone: 200
        case .nova, .neutron: 204
        case .glance, .placement: 405
        }
      var allowed = place.methods
      if status < 300 {
        allowed.insert("OPTIONS")
        if allowed.contains("GET") { allowed.insert("HEAD") }
      }
      for target in [place.target, place.target + "/"] {
        let reply = await cloud.send("OPTIONS", target, token: nil, headers: Self.newest(place.service))
        #expect(reply.status == status, "\(target): \(reply.status)")
        #expect(Self.header(reply, "Allow") == allowed.sorted().joined(separator: ", "), "\(target)")
        #expect(status < 300 ? reply.text.isEmpty : EveryRouteTests.hasShape(reply, place.service.faultStyle))
      }
    }
  }

  /// A method that a path does not have is refused with the ones it has.
  @Test func otherMethodsAreRefused() async throws {
    let cloud = try await Self.fixture.value
    for place in Self.places(cloud) {
      let all = Set(Route.Method.allCases.map(\.rawValue)).subtracting(["HEAD"])
      for method in all.subtracting(place.methods).sorted() + ["TRACE", "BREW"] {
        let reply = await cloud.send(method, place.target, token: cloud.admin, headers: Self.newest(place.service))
        #expect(reply.status == 405, "\(method) \(place.target): \(reply.status)")
        #expect(Self.header(reply, "Allow") == place.methods.sorted().joined(separator: ", "), "\(place.target)")
        #expect(EveryRouteTests.hasShape(reply, place.service.faultStyle), "\(method) \(place.target)")
      }
    }
  }

  /// HEAD is GET without the body, where there is a GET.
  @Test func headAnswersAsGetDoes() async throws {
    let cloud = try await Self.fixture.value
    /// What differs from answer to answer.
    let own = ["X-Openstack-Request-Id", "X-Compute-Request-Id"]
    for place in Self.places(cloud) where !place.methods.contains("HEAD") {
      let headers = Self.newest(place.service)
      let head = await cloud.send("HEAD", place.target, token: cloud.admin, headers: headers)
      if case .bytes(let bytes, _) = head.body { #expect(bytes.isEmpty, "\(place.target)") }
      guard place.methods.contains("GET") else {
        #expect(head.status == 405, "\(place.target): \(head.status)")
        continue
      }
      let get = await cloud.send("GET", place.target, token: cloud.admin, headers: headers)
      #expect(head.status == get.status, "\(place.target): \(head.status), \(get.status)")
      for (name, value) in get.headers where !own.contains(name) && name != "X-Subject-Token" {
        #expect(Self.header(head, name) == value, "\(place.target): \(name)")
      }
    }
  }

  /// A slash at the end changes nothing: neither who may come in, nor what is answered.
  @Test func aSlashAtTheEndChangesNothing() async throws {
    let cloud = try await Self.fixture.value
    for (service, route, target) in cloud.everyRoute {
      let (method, headers) = (route.method.rawValue, Self.newest(service))
      let plain = await cloud.send(method, target, token: nil, headers: headers)
      let slash = await cloud.send(method, target + "/", token: nil, headers: headers)
      #expect(plain.status == slash.status, "\(method) \(target): \(plain.status), \(slash.status)")
      guard route.method == .get else { continue }
      let seen = await cloud.send("GET", target, token: cloud.admin, headers: headers)
      let also = await cloud.send("GET", target + "/", token: cloud.admin, headers: headers)
      #expect(seen.status == also.status, "\(target): \(seen.status), \(also.status)")
      let members = (try? JSONValue(parsing: seen.text))?.object?.keys.sorted()
      #expect(members == (try? JSONValue(parsing: also.text))?.object?.keys.sorted(), "\(target)")
    }
  }
}
