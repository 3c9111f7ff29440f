import Compute
import Kit
import Testing

/// Flavors, their extra specs and access.
struct FlavorTests {
  @Test func aNewCloudHasSome() async throws {
    let cloud = try await Fixture()
    let flavors = await cloud.get("/v2.1/flavors/detail")["flavors"]?.array ?? []
    #expect(flavors.count == 7)
    let nano = try #require(flavors.first { $0["name"]?.string == "m1.nano" })
    #expect(nano["ram"] == .int(128) && nano["disk"] == .int(1) && nano["vcpus"] == .int(1))
    try await cloud.service.bootstrap()
    #expect(try await cloud.count("flavor") == 7)
  }

  @Test func administratorsMakeThem() async throws {
    let cloud = try await Fixture()
    let body = #"{"flavor": {"name": "big", "ram": "4096", "vcpus": 4, "disk": 10, "id": "auto", "swap": 1}}"#
    #expect(await cloud.send("POST", "/v2.1/flavors", body).status == 403)
    let made = await cloud.send("POST", "/v2.1/flavors", body, as: "admin")
    #expect(made.status == 200, "\(made.text)")
    let id = try #require(made.json["flavor"]?["id"]?.string)
    #expect(await cloud.send("POST", "/v2.1/flavors", body, as: "admin").status == 409)
    #expect(await cloud.send("DELETE", "/v2.1/flavors/\(id)").status == 403)
    #expect(await cloud.send("DELETE", "/v2.1/flavors/\(id)", as: "admin").status == 202)
    #expect(await cloud.send("GET", "/v2.1/flavors/\(id)").status == 404)
    #expect(await cloud.send("DELETE", "/v2.1/flavors/\(id)", as: "admin").status == 404)
  }

  @Test func badOnesAreRefused() async throws {
    let cloud = try await Fixture()
    for flavor in [
      "{}", #"{"name": "x", "ram": 0, "vcpus": 1, "disk": 1}"#, #"{"name": "x", "ram": 1, "vcpus": -1, "disk": 1}"#,
      #"{"name": "x", "ram": 1, "vcpus": 1, "disk": 1, "more": 1}"#, #"{"name": "", "ram": 1, "vcpus": 1, "disk": 1}"#,
      #"{"name": "x", "ram": 1, "vcpus": 1, "disk": 1, "id": "a/b"}"#,
      #"{"name": "x", "ram": 1, "vcpus": 1, "disk": 1, "rxtx_factor": 0}"#,
      #"{"name": "x", "ram": 99999999999, "vcpus": 1, "disk": 1}"#,
      #"{"name": "x", "ram": 1, "vcpus": 1, "disk": 1, "os-flavor-access:is_public": "perhaps"}"#,
    ] {
      let answer = await cloud.send("POST", "/v2.1/flavors", #"{"flavor": \#(flavor)}"#, as: "admin")
      #expect(answer.status == 400, "\(flavor): \(answer.text)")
    }
    for query in ["minRam=x", "minDisk=x", "sort_key=x", "sort_dir=x", "marker=x", "limit=x"] {
      #expect(await cloud.send("GET", "/v2.1/flavors?\(query)").status == 400, "\(query)")
    }
    #expect(try await cloud.count("flavor") == 7)
  }

  @Test func listsAreFilteredAndPaged() async throws {
    let cloud = try await Fixture()
    func ids(_ query: String) async -> [String] {
      (await cloud.get("/v2.1/flavors?\(query)")["flavors"]?.array ?? []).compactMap { $0["id"]?.string }
    }
    #expect(await ids("minRam=4096") == ["3", "4", "5"])
    #expect(await ids("minDisk=100") == ["5"])
    #expect(await ids("sort_key=memory_mb&sort_dir=desc&limit=2") == ["5", "4"])
    #expect(await ids("sort_key=memory_mb&sort_dir=desc&marker=4&limit=2") == ["3", "2"])
    let page = await cloud.get("/v2.1/flavors?limit=3")
    #expect(page["flavors_links"]?.array?.first?["href"]?.string?.contains("marker=3") == true)
  }

  @Test func privateOnesAreForThoseWithAccess() async throws {
    let cloud = try await Fixture()
    let body =
      #"{"flavor": {"name": "p", "id": "p", "ram": 1, "vcpus": 1, "disk": 1, "os-flavor-access:is_public": false}}"#
    #expect(await cloud.send("POST", "/v2.1/flavors", body, as: "admin").status == 200)
    #expect(await cloud.send("GET", "/v2.1/flavors/p").status == 404)
    #expect(await cloud.send("GET", "/v2.1/flavors/p/os-extra_specs").status == 404)
    let grant = #"{"addTenantAccess": {"tenant": "alice"}}"#
    #expect(await cloud.send("POST", "/v2.1/flavors/p/action", grant).status == 403)
    #expect(await cloud.send("POST", "/v2.1/flavors/p/action", grant, as: "admin").status == 200)
    #expect(await cloud.send("POST", "/v2.1/flavors/p/action", grant, as: "admin").status == 409)
    #expect(await cloud.send("GET", "/v2.1/flavors/p").status == 200)
    #expect(await cloud.send("GET", "/v2.1/flavors/p", as: "bob").status == 404)
    #expect(await cloud.get("/v2.1/flavors?is_public=none", as: "admin")["flavors"]?.array?.count == 8)
    #expect(await cloud.get("/v2.1/flavors?is_public=false", as: "admin")["flavors"]?.array?.count == 1)
    #expect(await cloud.get("/v2.1/flavors?is_public=none", as: "bob")["flavors"]?.array?.count == 7)
    let access = await cloud.get("/v2.1/flavors/p/os-flavor-access", as: "admin")["flavor_access"]?.array
    #expect(access?.first?["tenant_id"]?.string == "alice")
    #expect(await cloud.send("GET", "/v2.1/flavors/1/os-flavor-access", as: "admin").status == 404)
    let take = #"{"removeTenantAccess": {"tenant": "alice"}}"#
    #expect(await cloud.send("POST", "/v2.1/flavors/p/action", take, as: "admin").status == 200)
    #expect(await cloud.send("POST", "/v2.1/flavors/p/action", take, as: "admin").status == 404)
    #expect(await cloud.send("POST", "/v2.1/flavors/p/action", "{}", as: "admin").status == 400)
  }

  @Test func extraSpecs() async throws {
    let cloud = try await Fixture()
    let path = "/v2.1/flavors/42/os-extra_specs"
    let body = #"{"extra_specs": {"hw:cpu_policy": "shared", "quota:x": 5}}"#
    #expect(await cloud.send("POST", path, body).status == 403)
    #expect(await cloud.send("POST", path, body, as: "admin").status == 200)
    #expect(await cloud.get(path)["extra_specs"]?["quota:x"]?.string == "5")
    #expect(await cloud.get(path + "/hw:cpu_policy")["hw:cpu_policy"]?.string == "shared")
    #expect(await cloud.send("PUT", path + "/quota:x", #"{"other": "1"}"#, as: "admin").status == 400)
    #expect(await cloud.send("PUT", path + "/quota:x", #"{"quota:x": "6"}"#, as: "admin").status == 200)
    #expect(await cloud.send("POST", path, #"{"extra_specs": {"bad/key": "1"}}"#, as: "admin").status == 400)
    #expect(await cloud.send("POST", path, #"{"extra_specs": {"a": []}}"#, as: "admin").status == 400)
    let id = try await cloud.create()
    #expect(await cloud.server(id, version: "2.47")["flavor"]?["extra_specs"]?["quota:x"]?.string == "6")
    #expect(await cloud.send("DELETE", path + "/quota:x", as: "admin").status == 200)
    #expect(await cloud.send("DELETE", path + "/quota:x", as: "admin").status == 404)
    #expect(await cloud.send("GET", path + "/quota:x").status == 404)
    // The server keeps the flavor it was made with.
    #expect(await cloud.send("DELETE", "/v2.1/flavors/42", as: "admin").status == 202)
    #expect(await cloud.server(id, version: "2.47")["flavor"]?["original_name"]?.string == "m1.nano")
  }
}
