import API
import Auth
import Contracts
import Foundation
import Identity
import Kit
import Logging
import Store
import Testing

/// Discovery, the catalogue, and the first domain, users and roles.
struct CatalogTests {
  @Test func discovery() async throws {
    let cloud = try await Fixture()
    for path in ["", "/"] {
      let reply = await cloud.send("GET", path)
      #expect(reply.status == 300)
      let version = reply.json["versions"]?["values"]?.array?.first
      #expect(version?["id"]?.string == "v3.14")
      #expect(version?["status"]?.string == "stable")
      #expect(version?["links"]?.array?.first?["href"]?.string == "http://seen.test/identity/v3/")
    }
    for path in ["/v3", "/v3/"] {
      let reply = await cloud.send("GET", path)
      #expect(reply.status == 200)
      #expect(reply.json["version"]?["links"]?.array?.first?["rel"]?.string == "self")
    }
    #expect(await cloud.send("GET", "/v2.0").isFault(404))
    #expect(await cloud.send("PUT", "/v3/auth/tokens").isFault(405))
  }

  @Test func whatTheCallerCouldHave() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let demo = try await cloud.demo()
    #expect(await cloud.send("GET", "/v3/auth/projects", token: admin).names("projects") == ["admin"])
    #expect(await cloud.send("GET", "/v3/auth/domains", token: admin).ids("domains") == ["default"])
    #expect(await cloud.send("GET", "/v3/auth/system", token: admin).json["system"]?.array?.count == 1)
    #expect(await cloud.send("GET", "/v3/auth/projects", token: demo).ids("projects") == [cloud.ids.demoProjectID])
    #expect(await cloud.send("GET", "/v3/auth/domains", token: demo).ids("domains") == [])
    #expect(await cloud.send("GET", "/v3/auth/system", token: demo).json["system"]?.array?.count == 0)
    #expect(await cloud.send("GET", "/v3/auth/catalog", token: demo).json["catalog"]?.array?.count == 5)
    let unscoped = try await cloud.send(
      "POST", "/v3/auth/tokens", Bodies.password("demo", Fixture.demoPassword, scope: #""unscoped""#)
    ).token
    #expect(await cloud.send("GET", "/v3/auth/catalog", token: unscoped).isFault(403))
    #expect(await cloud.send("GET", "/v3/auth/projects", token: unscoped).names("projects") == ["demo"])
  }

  @Test func servicesAndEndpoints() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let demo = try await cloud.demo()
    let service = try await cloud.make("/v3/services", #"{"service": {"type": "dns", "name": "d"}}"#, token: admin)
    let region = await cloud.send("PUT", "/v3/regions/Two", #"{"region": {"description": "x"}}"#, token: admin)
    #expect(region.status == 201)
    #expect(await cloud.send("PUT", "/v3/regions/Two", #"{"region": {}}"#, token: admin).isFault(409))
    let endpoint = try await cloud.make(
      "/v3/endpoints",
      #"{"endpoint": {"interface": "public", "service_id": "\#(service)", "region_id": "Two", "url": "http://dns/"}}"#,
      token: admin)
    func types() async -> Set<String> {
      let reply = await cloud.send("GET", "/v3/auth/catalog", token: demo)
      let services = reply.json["catalog"]?.array ?? []
      return Set(services.filter { $0["endpoints"]?.array?.isEmpty == false }.compactMap { $0["type"]?.string })
    }
    #expect(await types().contains("dns"))
    #expect(await cloud.send("GET", "/v3/endpoints?service_id=\(service)", token: admin).ids("endpoints") == [endpoint])
    let path = "/v3/endpoints/\(endpoint)"
    #expect(await cloud.send("PATCH", path, #"{"endpoint": {"enabled": false}}"#, token: admin).status == 200)
    #expect(await !types().contains("dns"))
    #expect(await cloud.send("DELETE", "/v3/regions/Two", token: admin).isFault(403))
    #expect(await cloud.send("DELETE", "/v3/services/\(service)", token: admin).status == 204)
    #expect(await cloud.send("GET", path, token: admin).isFault(404))
    #expect(await cloud.send("DELETE", "/v3/regions/Two", token: admin).status == 204)
    for body in [
      "{}", #"{"endpoint": {}}"#, #"{"endpoint": {"interface": "secret", "service_id": "x", "url": "http://x"}}"#,
      #"{"endpoint": {"interface": "public", "service_id": "none", "url": "http://x"}}"#,
      #"{"endpoint": {"interface": "public", "service_id": "\#(service)", "url": "javascript:alert(1)"}}"#,
    ] {
      #expect(await cloud.send("POST", "/v3/endpoints", body, token: admin).isFault(400), "\(body)")
    }
    // URLs are kept relative to the cloud's base, and shown whole.
    let stored = try await cloud.store.read { tx in
      try tx.query("SELECT DISTINCT url FROM identity_endpoint") { $0.text(0) }
    }
    #expect(stored.allSatisfy { $0.hasPrefix("$(base)s/") })
    let shown = await cloud.send("GET", "/v3/endpoints", token: admin).json["endpoints"]?.array ?? []
    #expect(shown.count == 15)
    #expect(shown.allSatisfy { $0["url"]?.string?.hasPrefix("http://cloud.test:9090/") == true })
    #expect(await cloud.send("GET", "/v3/regions", token: demo).ids("regions") == ["RegionOne"])
    #expect(await cloud.send("GET", "/v3/services", token: demo).isFault(403))
  }

  @Test func bootstrapAgainOnlySetsThePasswords() async throws {
    let cloud = try await Fixture()
    let token = try await cloud.demo()
    let lost = try await cloud.identity.bootstrap(adminPassword: Secret("other"), demoPassword: Secret("other"))
    #expect(lost == cloud.ids)
    #expect(await cloud.send("GET", "/v3/auth/projects", token: token).status == 401)
    let again = try await cloud.identity.bootstrap(
      adminPassword: Secret(Fixture.adminPassword), demoPassword: Secret(Fixture.demoPassword))
    #expect(again == cloud.ids)
    _ = try await cloud.freshDemo()
    let admin = try await cloud.freshAdmin()
    #expect(await cloud.send("GET", "/v3/endpoints", token: admin).ids("endpoints").count == 15)
    #expect(await cloud.send("GET", "/v3/role_assignments", token: admin).json["role_assignments"]?.array?.count == 4)
    #expect(
      await cloud.send("GET", "/v3/roles", token: admin).names("roles")
        == ["admin", "manager", "member", "reader", "service"])
    let record = try await cloud.store.read { tx in try cloud.identity.project(tx, id: cloud.ids.demoProjectID) }
    #expect(record?.name == "demo")
    #expect(record?.enabled == true)
    #expect(try await cloud.store.read { tx in try cloud.identity.project(tx, id: "default") } == nil)
  }

  /// A service that starts anew on the same store and keys, at another address, knows everybody and moves its URLs.
  @Test func restart() async throws {
    let cloud = try await Fixture()
    let token = try await cloud.demo()
    let next = try IdentityService(
      store: cloud.store, keysDirectory: cloud.directory.appending(path: "keys").path,
      credentialKeysDirectory: cloud.directory.appending(path: "credential-keys").path,
      baseURL: "https://elsewhere", logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    #expect(try await next.principal(token: Secret(token))?.userName == "demo")
    let gateway = Gateway(
      services: [next.api], tokens: next, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    let reply = await Answer(
      await gateway.respond(
        to: RawRequest(
          method: "GET", target: "/identity/v3/auth/catalog", headers: [("X-Auth-Token", token)],
          body: BodyStream(bytes: []), baseURL: "http://x", remoteAddress: nil)))
    let urls = reply.json["catalog"]?.array?.flatMap { $0["endpoints"]?.array ?? [] }.compactMap { $0["url"]?.string }
    #expect(urls?.count == 15)
    #expect(urls?.allSatisfy { $0.hasPrefix("https://elsewhere/") } == true)
  }
}
