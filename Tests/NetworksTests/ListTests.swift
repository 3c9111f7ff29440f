import Kit
import Store
import Testing

@testable import Networks

/// Filters, order, pages, tags.
struct ListTests {
  @Test func filtersAndOrder() async throws {
    let cloud = try await Fixture()
    for name in ["c", "a", "b", "a"] { _ = try await cloud.make("networks", "{\"name\": \"\(name)\"}") }
    func names(_ query: String) async throws -> [String] {
      try await cloud.call("GET", "/networks?\(query)")["networks"].array?.map { $0[path: "name"] } ?? ["?"]
    }
    #expect(try await names("sort_key=name&sort_dir=asc") == ["a", "a", "b", "c"])
    #expect(try await names("sort_key=name&sort_dir=desc&sort_key=id&sort_dir=asc") == ["c", "b", "a", "a"])
    #expect(try await names("name=a&name=c&sort_key=name") == ["a", "a", "c"])
    #expect(try await names("name=") == [])
    #expect(try await names("shared=False&admin_state_up=true&name=b") == ["b"])
    #expect(try await names("status=DOWN") == [])
    for bad in [
      "colour=red", "shared=maybe", "mtu=x", "limit=-1", "sort_key=colour", "sort_key=name&sort_dir=up",
      "limit=1&marker=zzz",
    ] {
      #expect(try await cloud.call("GET", "/networks?\(bad)").status == 400, "\(bad)")
    }
  }

  @Test func pagesForthAndBack() async throws {
    let cloud = try await Fixture()
    for number in 0..<7 { _ = try await cloud.make("networks", "{\"name\": \"n\(number % 3)\"}") }
    var seen: [String] = []
    var path: String? = "/networks?limit=2&sort_key=name&sort_dir=desc&tenant_id=\(cloud.tokens.projectA)"
    var pages = 0
    var lastPrevious = ""
    while let next = path {
      let page = try await cloud.call("GET", next)
      seen += page["networks"].ids
      pages += 1
      let links = page["networks_links"].array ?? []
      lastPrevious = links.first { $0[path: "rel"] == "previous" }?[path: "href"] ?? lastPrevious
      let href = links.first { $0[path: "rel"] == "next" }?[path: "href"]
      path = href?.replacing("http://cloud", with: "")
    }
    #expect(pages == 4)
    #expect(seen.count == 7 && Set(seen).count == 7)
    let back = try await cloud.call("GET", lastPrevious.replacing("http://cloud", with: ""))
    #expect(back["networks"].ids == Array(seen[4..<6]))
  }

  @Test func tagsAreTheProjectsOwn() async throws {
    let cloud = try await Fixture()
    let (network, _) = try await cloud.network(as: "admin", shared: true)
    let mine = try await cloud.make("networks", "{}")[path: "id"]
    #expect(try await cloud.call("PUT", "/networks/\(mine)/tags", "{\"tags\": [\"red\", \"blue\"]}").status == 200)
    #expect(try await cloud.call("PUT", "/networks/\(mine)/tags/green").status == 201)
    #expect(try await cloud.call("GET", "/networks/\(mine)/tags/green").status == 204)
    #expect(try await cloud.call("GET", "/networks/\(mine)/tags/pink").fault == "TagNotFound")
    #expect(try await cloud.call("DELETE", "/networks/\(mine)/tags/red").status == 204)
    #expect(
      try await cloud.call("GET", "/networks/\(mine)/tags")["tags"] == .array([.string("blue"), .string("green")]))
    #expect(try await cloud.call("GET", "/networks?tags=blue,green")["networks"].ids == [mine])
    #expect(try await cloud.call("GET", "/networks?tags=blue,red")["networks"].ids == [])
    #expect(try await cloud.call("GET", "/networks?tags-any=red,green")["networks"].ids == [mine])
    #expect(try await cloud.call("GET", "/networks?not-tags-any=green")["networks"].ids == [network])
    #expect(try await cloud.call("GET", "/networks?not-tags=blue,red&shared=false")["networks"].ids == [mine])
    for bad in ["{\"tags\": [\"a,b\"]}", "{\"tags\": [\"\"]}", "{\"tags\": \"x\"}", "{}", "{\"tags\": [\"a\\nb\"]}"] {
      #expect(try await cloud.call("PUT", "/networks/\(mine)/tags", bad).status == 400, "\(bad)")
    }
    // A shared network of somebody else (ATTACKS 28).
    #expect(try await cloud.call("GET", "/networks/\(network)").status == 200)
    #expect(try await cloud.call("GET", "/networks/\(network)/tags").status == 404)
    #expect(try await cloud.call("PUT", "/networks/\(network)/tags/x").status == 404)
    #expect(try await cloud.call("DELETE", "/networks/\(network)/tags").status == 404)
    // A reader writes none (ATTACKS 25).
    #expect(try await cloud.call("PUT", "/networks/\(mine)/tags/x", as: "rita").status == 403)
  }

  @Test func longListsComeInChunks() async throws {
    let cloud = try await Fixture()
    let project = cloud.tokens.projectA
    let (network, _) = try await cloud.network()
    try await cloud.store.write { tx in
      for number in 0..<1100 {
        let change = Change(tx, requestID: nil)
        var port = try change.newPort(
          networkID: network, projectID: project, mac: MACAddress(bits: UInt64(0x0200_0000_0000 + number)))
        port.standard.name = "p\(number % 10)"
        try tx.insert(port)
      }
    }
    let all = try await cloud.call("GET", "/ports?sort_key=name")["ports"].array ?? []
    #expect(all.count == 1101)
    #expect(Set(all.map { $0[path: "id"] }).count == 1101)
    #expect(all.map { $0[path: "name"] } == all.map { $0[path: "name"] }.sorted())
    let page = try await cloud.call("GET", "/ports?limit=1000")
    #expect(page["ports"].ids.count == 1000)
  }

  @Test func quotasCount() async throws {
    let cloud = try await Fixture()
    let project = cloud.tokens.projectA
    let refused = try await cloud.call("PUT", "/quotas/\(project)", "{\"quota\": {\"network\": 1}}")
    #expect(refused.status == 403)
    for bad in ["{\"quota\": {\"moon\": 1}}", "{\"quota\": {\"network\": -2}}", "{\"quota\": {\"network\": \"x\"}}"] {
      #expect(try await cloud.call("PUT", "/quotas/\(project)", bad, as: "admin").status == 400)
    }
    let set = try await cloud.call("PUT", "/quotas/\(project)", "{\"quota\": {\"network\": 2}}", as: "admin")
    #expect(set["quota"]["network"] == .int(2) && set["quota"]["port"] == .int(500))
    _ = try await cloud.make("networks", "{}")
    let bulk = try await cloud.call("POST", "/networks", "{\"networks\": [{}, {}]}")
    #expect(bulk.status == 409 && bulk.fault == "OverQuota")
    let details = try await cloud.call("GET", "/quotas/\(project)/details")
    #expect(details["quota"]["network"]?["used"] == .int(1) && details["quota"]["network"]?["limit"] == .int(2))
    // Twenty at once: one fits.
    let answers = await withTaskGroup(of: Int.self) { group in
      for _ in 0..<20 {
        group.addTask { (try? await cloud.call("POST", "/networks", "{\"network\": {}}").status) ?? 0 }
      }
      return await group.reduce(into: [Int]()) { $0.append($1) }
    }
    #expect(answers.filter { $0 == 201 }.count == 1 && answers.filter { $0 == 409 }.count == 19)
    #expect(try await cloud.call("GET", "/quotas/\(project)", as: "bob").status == 403)
    #expect(try await cloud.call("DELETE", "/quotas/\(project)", as: "admin").status == 204)
    #expect(try await cloud.call("GET", "/quotas/\(project)")["quota"]["network"] == .int(100))
    #expect(try await cloud.call("GET", "/quotas", as: "admin")["quotas"].array == [])
  }

  @Test func discovery() async throws {
    let cloud = try await Fixture()
    #expect(try await cloud.call("GET", "/network", as: "")["versions"].array?.first?[path: "id"] == "v2.0")
    #expect(try await cloud.call("GET", "/network/v2.0/", as: "")["resources"].array?.isEmpty == false)
    let aliases = try await cloud.call("GET", "/extensions.json")["extensions"].array?.map { $0[path: "alias"] } ?? []
    #expect(Set(aliases).count == aliases.count && aliases.contains("security-group") && !aliases.contains("qos"))
    #expect(try await cloud.call("GET", "/extensions/router")["extension"][path: "alias"] == "router")
    #expect(try await cloud.call("GET", "/extensions/qos").status == 404)
    try await cloud.report()
    #expect(try await cloud.call("GET", "/agents").status == 403)
    let agents = try await cloud.call("GET", "/agents?alive=true", as: "admin")["agents"]
    #expect(agents.array?.first?[path: "host"] == "host-of-node-1")
    #expect(try await cloud.call("GET", "/agents/node-1", as: "admin").status == 200)
    #expect(try await cloud.call("GET", "/agents/node-2", as: "admin").fault == "AgentNotFound")
    #expect(try await cloud.call("GET", "/availability_zones")["availability_zones"].array?.count == 2)
  }
}
