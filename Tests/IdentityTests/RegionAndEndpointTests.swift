import Kit
import Testing

@testable import Identity

/// Regions with their tree, services, and endpoints with their URLs, as Keystone takes and refuses them.
struct RegionAndEndpointTests {
  @Test func regionIDs() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    func made(_ body: String) async -> String? {
      await cloud.send("POST", "/v3/regions", #"{"region": \#(body)}"#, token: admin).json["region"]?["id"]?.string
    }
    for body in ["{}", #"{"id": ""}"#, #"{"id": null}"#] {
      let id = try #require(await made(body))
      #expect(id.utf8.count == 32, "\(body)")
      #expect(await cloud.send("GET", "/v3/regions/\(id)", token: admin).status == 200)
    }
    #expect(await made(#"{"id": "Süd-1"}"#) == "Süd-1")
    #expect(await cloud.send("GET", "/v3/regions/S%C3%BCd-1", token: admin).json["region"]?["id"]?.string == "Süd-1")
    #expect(await cloud.send("POST", "/v3/regions", #"{"region": {"id": "Süd-1"}}"#, token: admin).isFault(409))
    let chosen = await cloud.send(
      "PUT", "/v3/regions/%E5%8C%97", #"{"region": {"description": null, "colour": "red"}}"#, token: admin)
    #expect(chosen.status == 201)
    #expect(chosen.json["region"]?["id"]?.string == "北")
    #expect(chosen.json["region"]?["description"]?.string == "")
    #expect(chosen.json["region"]?["colour"]?.string == "red")
    let long = String(repeating: "r", count: 256)
    for (path, body, status) in [
      ("/v3/regions/a%2Fb", "{}", 404), ("/v3/regions/one", #"{"id": "two"}"#, 400),
      ("/v3/regions/one", #"{"id": "one"}"#, 201), ("/v3/regions/one", "{}", 409), ("/v3/regions/\(long)", "{}", 400),
      ("/v3/regions/two", #"{"parent_region_id": "none"}"#, 404), ("/v3/regions/two", #"{"description": 7}"#, 400),
      ("/v3/regions/two", #"{"parent_region_id": ""}"#, 400), ("/v3/regions/two", #"{"description": "\#(long)"}"#, 400),
    ] {
      #expect(
        await cloud.send("PUT", path, #"{"region": \#(body)}"#, token: admin).status == status, "\(path) \(body)")
    }
    #expect(await cloud.send("GET", "/v3/regions/two", token: admin).isFault(404))
    #expect(await cloud.send("GET", "/v3/regions?unknown=1", token: admin).isFault(400))
  }

  @Test func regionTrees() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    func put(_ id: String, below parent: String? = nil) async {
      let place = parent.map { #""parent_region_id": "\#($0)""# } ?? ""
      let made = await cloud.send("PUT", "/v3/regions/\(id)", #"{"region": {\#(place)}}"#, token: admin)
      #expect(made.status == 201)
    }
    await put("top")
    await put("middle", below: "top")
    await put("leaf", below: "middle")
    await put("free")
    func move(_ id: String, _ parent: String) async -> Int {
      let body = #"{"region": {"parent_region_id": \#(parent)}}"#
      return await cloud.send("PATCH", "/v3/regions/\(id)", body, token: admin).status
    }
    #expect(await move("top", #""leaf""#) == 400)
    #expect(await move("top", #""top""#) == 400)
    #expect(await move("top", #""none""#) == 404)
    #expect(await move("leaf", #""free""#) == 200)
    #expect(await move("leaf", "null") == 200)
    #expect(await move("leaf", #""middle""#) == 200)
    #expect(await cloud.send("GET", "/v3/regions?parent_region_id=middle", token: admin).ids("regions") == ["leaf"])
    #expect(await cloud.send("PATCH", "/v3/regions/top", #"{"region": {"id": "new"}}"#, token: admin).isFault(400))
    #expect(await cloud.send("PATCH", "/v3/regions/top", #"{"region": {}}"#, token: admin).isFault(400))
    // An endpoint far below holds the whole branch; without it the branch goes at once.
    let service = try await cloud.make("/v3/services", #"{"service": {"type": "t"}}"#, token: admin)
    let endpoint = try await cloud.make(
      "/v3/endpoints",
      #"{"endpoint": {"interface": "public", "service_id": "\#(service)", "region_id": "leaf", "url": "http://x"}}"#,
      token: admin)
    #expect(await cloud.send("DELETE", "/v3/regions/top", token: admin).isFault(403))
    #expect(await cloud.send("DELETE", "/v3/endpoints/\(endpoint)", token: admin).status == 204)
    #expect(await cloud.send("DELETE", "/v3/regions/top", token: admin).status == 204)
    #expect(await cloud.send("GET", "/v3/regions", token: admin).ids("regions") == ["RegionOne", "free"])
  }

  @Test func endpointURLs() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let service = try await cloud.make("/v3/services", #"{"service": {"type": "t"}}"#, token: admin)
    func status(_ url: String) async -> Int {
      let body = #"{"endpoint": {"interface": "public", "service_id": "\#(service)", "url": "\#(url)"}}"#
      return await cloud.send("POST", "/v3/endpoints", body, token: admin).status
    }
    for url in [
      "http://x", "https://x:5000/v3", "http://x/%(tenant_id)s", "http://x/$(project_id)s/$(user_id)s",
      "rbd://pool", "http://x/100%%", "$(base)s/v1/%(project_id)s", "http://[::1]:80/",
    ] {
      #expect(await status(url) == 201, "\(url)")
    }
    for url in [
      "", "x", "http:", ":x", "/path", "ht tp://x", "javascript:alert(1)", "JavaScript:alert(1)", "data:text/html,x",
      "http://x/%(unknown)s", "http://x/$(password)s", "http://x/%(tenant_id)d", "http://x/%(tenant_id", "http://x/%20",
      "http://x/%", "http://" + String(repeating: "x", count: 225),
    ] {
      #expect(await status(url) == 400, "\(url)")
    }
    let id = try #require(
      await cloud.send("GET", "/v3/endpoints?service_id=\(service)", token: admin).ids("endpoints").first)
    let path = "/v3/endpoints/\(id)"
    for (body, status) in [
      ("{}", 400), (#"{"url": "javascript:x"}"#, 400), (#"{"url": null}"#, 400), (#"{"url": "http://y"}"#, 200),
      (#"{"enabled": "True"}"#, 400), (#"{"enabled": null}"#, 400), (#"{"interface": "inner"}"#, 400),
      (#"{"interface": null}"#, 400), (#"{"service_id": "none"}"#, 400), (#"{"region_id": "none"}"#, 400),
      (#"{"region_id": "RegionOne"}"#, 200), (#"{"region_id": null}"#, 200), (#"{"id": "other"}"#, 400),
      (#"{"id": "\#(id)"}"#, 200), (#"{"name": "n", "description": null, "colour": "red"}"#, 200),
    ] {
      #expect(await cloud.send("PATCH", path, #"{"endpoint": \#(body)}"#, token: admin).status == status, "\(body)")
    }
    let shown = await cloud.send("GET", path, token: admin).json["endpoint"]
    #expect(shown?["name"]?.string == "n" && shown?["colour"]?.string == "red" && shown?["region"] == .null)
  }

  /// A region named in the old way is made; one named in the new way must be there.
  @Test func legacyRegions() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let service = try await cloud.make("/v3/services", #"{"service": {"type": "t"}}"#, token: admin)
    func body(_ more: String) -> String {
      #"{"endpoint": {"interface": "admin", "service_id": "\#(service)", "url": "http://x", \#(more)}}"#
    }
    #expect(await cloud.send("POST", "/v3/endpoints", body(#""region_id": "old""#), token: admin).isFault(400))
    let made = await cloud.send("POST", "/v3/endpoints", body(#""region": "old""#), token: admin).json["endpoint"]
    #expect(made?["region"]?.string == "old" && made?["region_id"]?.string == "old")
    #expect(await cloud.send("GET", "/v3/regions/old", token: admin).status == 200)
    let both = await cloud.send(
      "POST", "/v3/endpoints", body(#""region": "other", "region_id": "RegionOne""#), token: admin)
    #expect(both.json["endpoint"]?["region"]?.string == "RegionOne")
    #expect(await cloud.send("GET", "/v3/regions/other", token: admin).isFault(404))
    let path = "/v3/endpoints/\(try #require(made?["id"]?.string))"
    let moved = await cloud.send("PATCH", path, #"{"endpoint": {"region": "newer"}}"#, token: admin)
    #expect(moved.json["endpoint"]?["region_id"]?.string == "newer")
    let list = await cloud.send("GET", "/v3/endpoints?region_id=newer&interface=admin", token: admin)
    #expect(list.ids("endpoints") == [made?["id"]?.string])
    #expect(await cloud.send("GET", "/v3/endpoints?interface=inner", token: admin).isFault(400))
    // What is refused makes no region.
    let wrong = #"{"endpoint": {"interface": "admin", "service_id": "none", "url": "http://x", "region": "never"}}"#
    #expect(await cloud.send("POST", "/v3/endpoints", wrong, token: admin).isFault(400))
    #expect(await cloud.send("GET", "/v3/regions/never", token: admin).isFault(404))
  }

  @Test func services() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    for (body, status) in [
      (#"{"name": "n"}"#, 400), (#"{"type": ""}"#, 400), (#"{"type": "t", "name": ""}"#, 400),
      (#"{"type": "t", "name": null}"#, 400), (#"{"type": "t", "enabled": "yes"}"#, 400),
      (#"{"type": "t", "enabled": null}"#, 400), (#"{"type": "t", "description": null, "colour": 7}"#, 201),
      (#"{"type": "t", "enabled": false}"#, 201),
    ] {
      #expect(
        await cloud.send("POST", "/v3/services", #"{"service": \#(body)}"#, token: admin).status == status, "\(body)")
    }
    let found = await cloud.send("GET", "/v3/services?type=t", token: admin)
    #expect(found.json["services"]?.array?.count == 2)
    let path = "/v3/services/\(try #require(found.ids("services").first))"
    for (body, status) in [
      ("{}", 400), (#"{"type": null}"#, 400), (#"{"id": "x"}"#, 400), (#"{"enabled": true, "name": "m"}"#, 200),
    ] {
      #expect(await cloud.send("PATCH", path, #"{"service": \#(body)}"#, token: admin).status == status, "\(body)")
    }
  }
}
