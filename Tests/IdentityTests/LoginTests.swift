import Identity
import Kit
import Testing

/// Logging in: by password, token and application credential, to every scope.
struct LoginTests {
  @Test func passwordToProject() async throws {
    let cloud = try await Fixture()
    let reply = await cloud.send(
      "POST", "/v3/auth/tokens",
      Bodies.password("demo", Fixture.demoPassword, scope: Bodies.project(cloud.ids.demoProjectID)))
    #expect(reply.status == 201)
    #expect(reply.headers["Vary"] == "X-Auth-Token")
    let token = try #require(reply.json["token"])
    #expect(token["methods"] == .array([.string("password")]))
    #expect(token["user"]?["name"]?.string == "demo")
    #expect(token["user"]?["domain"]?["id"]?.string == "default")
    #expect(token["user"]?["password_expires_at"] == .null)
    #expect(token["project"]?["id"]?.string == cloud.ids.demoProjectID)
    #expect(token["project"]?["domain"]?["name"]?.string == "Default")
    #expect(token["is_domain"] == .bool(false))
    #expect(token["roles"]?.array?.compactMap { $0["name"]?.string } == ["member", "reader"])
    #expect(token["audit_ids"]?.array?.count == 1)
    let issued = try #require(token["issued_at"]?.string.flatMap(Timestamp.init(iso8601:)))
    let expires = try #require(token["expires_at"]?.string.flatMap(Timestamp.init(iso8601:)))
    #expect(expires.seconds(since: issued) == 3600)
    let catalog = try #require(token["catalog"]?.array)
    #expect(Set(catalog.compactMap { $0["type"]?.string }) == ["identity", "image", "compute", "network", "placement"])
    let compute = try #require(catalog.first { $0["type"]?.string == "compute" }?["endpoints"]?.array)
    #expect(compute.count == 3)
    #expect(compute.allSatisfy { $0["url"]?.string == "http://cloud.test:9090/compute/v2.1" })
    #expect(compute.allSatisfy { $0["region_id"]?.string == "RegionOne" })
  }
}
