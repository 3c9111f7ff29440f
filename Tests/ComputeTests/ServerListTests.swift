import Foundation
import Kit
import Store
import Testing

/// Lists of servers: whose, which, in what order, page by page.
struct ServerListTests {
  private func names(_ cloud: Fixture, _ query: String, as token: String = "alice", version: String = "2.1") async
    -> [String]
  {
    let answer = await cloud.send("GET", "/v2.1/servers?\(query)", as: token, version: version)
    #expect(answer.status == 200, "\(query): \(answer.text)")
    return (answer.json["servers"]?.array ?? []).compactMap { $0["name"]?.string }
  }

  @Test func onesOwnOnly() async throws {
    let cloud = try await Fixture()
    let mine = try await cloud.create(name: "mine")
    let theirs = try await cloud.create(name: "theirs", as: "bob")
    #expect(await names(cloud, "") == ["mine"])
    #expect(await names(cloud, "project_id=bob").isEmpty)
    #expect(await names(cloud, "tenant_id=bob").isEmpty)
    #expect(await names(cloud, "all_tenants=0") == ["mine"])
    #expect(await cloud.send("GET", "/v2.1/servers?all_tenants=1").status == 403)
    #expect(await cloud.send("GET", "/v2.1/servers/detail?all_tenants=True&project_id=bob").status == 403)
    #expect(await names(cloud, "all_tenants=1", as: "admin") == ["theirs", "mine"])
    #expect(await names(cloud, "all_tenants=1&project_id=bob", as: "admin") == ["theirs"])
    #expect(await names(cloud, "", as: "admin").isEmpty)
    #expect(await names(cloud, "host=host0").count == 1)
    // A server of another project is not there, whatever is tried on it.
    for (method, path, body) in Self.touching(theirs) {
      let answer = await cloud.send(method, path, body, version: "2.79")
      #expect(answer.status == 404, "\(method) \(path): \(answer.status) \(answer.text)")
      #expect(answer.json["itemNotFound"] != nil, "\(method) \(path): \(answer.text)")
    }
    #expect(await cloud.send("GET", "/v2.1/servers?marker=\(theirs)").status == 400)
    #expect(await cloud.send("GET", "/v2.1/servers/\(mine)", as: "admin").status == 200)
    #expect(await cloud.server(theirs, as: "bob")["name"]?.string == "theirs")
  }

  private static func touching(_ id: String) -> [(String, String, String)] {
    let server = "/v2.1/servers/\(id)"
    return [
      ("GET", server, ""), ("DELETE", server, ""), ("PUT", server, #"{"server": {"name": "x"}}"#),
      ("GET", server + "/ips", ""), ("GET", server + "/ips/net", ""), ("GET", server + "/metadata", ""),
      ("POST", server + "/metadata", #"{"metadata": {"a": "b"}}"#), ("PUT", server + "/metadata", #"{"metadata": {}}"#),
      ("GET", server + "/metadata/a", ""), ("PUT", server + "/metadata/a", #"{"meta": {"a": "b"}}"#),
      ("DELETE", server + "/metadata/a", ""), ("GET", server + "/tags", ""),
      ("PUT", server + "/tags", #"{"tags": []}"#), ("DELETE", server + "/tags", ""), ("GET", server + "/tags/a", ""),
      ("PUT", server + "/tags/a", ""), ("DELETE", server + "/tags/a", ""), ("GET", server + "/os-interface", ""),
      ("POST", server + "/os-interface", #"{"interfaceAttachment": {}}"#), ("GET", server + "/os-interface/x", ""),
      ("DELETE", server + "/os-interface/x", ""), ("GET", server + "/os-instance-actions", ""),
      ("GET", server + "/os-instance-actions/x", ""), ("GET", server + "/os-security-groups", ""),
      ("GET", server + "/os-volume_attachments", ""), ("POST", server + "/action", #"{"os-stop": null}"#),
      ("POST", server + "/action", #"{"os-start": null}"#),
      ("POST", server + "/action", #"{"reboot": {"type": "HARD"}}"#), ("POST", server + "/action", #"{"lock": null}"#),
      ("POST", server + "/action", #"{"unlock": null}"#),
      ("POST", server + "/action", #"{"addSecurityGroup": {"name": "default"}}"#),
      ("POST", server + "/action", #"{"os-getConsoleOutput": {}}"#),
    ]
  }

  @Test func filters() async throws {
    let cloud = try await Fixture()
    let web1 = try await cloud.running(name: "web-1")
    _ = try await cloud.create(name: "web_2")
    _ = try await cloud.create(name: "db%x")
    #expect(await names(cloud, "name=web") == ["web_2", "web-1"])
    #expect(await names(cloud, "name=WEB") == ["web_2", "web-1"])
    #expect(await names(cloud, "name=%5Eweb_2%24") == ["web_2"])
    #expect(await names(cloud, "name=%5Eb").isEmpty)
    #expect(await names(cloud, "name=%25") == ["db%x"])
    #expect(await names(cloud, "name=b_2") == ["web_2"])
    #expect(await names(cloud, "status=active") == ["web-1"])
    #expect(await names(cloud, "status=BUILD&status=ACTIVE").count == 3)
    #expect(await names(cloud, "status=nonsense").isEmpty)
    #expect(await cloud.send("GET", "/v2.1/servers?status=nonsense", version: "2.38").status == 400)
    #expect(await cloud.send("GET", "/v2.1/servers?status=DELETED").status == 403)
    #expect(await names(cloud, "flavor=42").count == 3)
    #expect(await names(cloud, "flavor=1").isEmpty)
    #expect(await names(cloud, "image=\(Fixture.imageID)").count == 3)
    #expect(await names(cloud, "uuid=\(web1)") == ["web-1"])
    #expect(await names(cloud, "ip=10.0.0.3") == ["web-1"])
    #expect(await names(cloud, "ip=10.0").count == 3)
    #expect(await names(cloud, "ip=10.0&limit=2").count == 2)
    #expect(await names(cloud, "changes-since=2999-01-01T00:00:00Z").isEmpty)
    #expect(await cloud.send("GET", "/v2.1/servers?changes-since=soon").status == 400)
    // Until 2.83 some filters are for administrators, others' are passed over.
    #expect(await names(cloud, "vm_state=active").count == 3)
    #expect(await names(cloud, "vm_state=active", version: "2.83") == ["web-1"])
    #expect(await names(cloud, "no_such=1").count == 3)
    #expect(await cloud.send("GET", "/v2.1/servers?no_such=1", version: "2.75").status == 400)
  }

  @Test func tagFilters() async throws {
    let cloud = try await Fixture()
    for (name, tags) in [("ab", #""a", "b""#), ("a", #""a""#), ("none", "")] {
      _ = try await cloud.create(#""networks": "none", "tags": [\#(tags)], "#, name: name, version: "2.52")
    }
    #expect(await names(cloud, "tags=a,b", version: "2.26") == ["ab"])
    #expect(await names(cloud, "tags-any=a,b", version: "2.26") == ["a", "ab"])
    #expect(await names(cloud, "not-tags=a,b", version: "2.26") == ["none", "a"])
    #expect(await names(cloud, "not-tags-any=a,b", version: "2.26") == ["none"])
    #expect(await names(cloud, "tags=a,b", version: "2.25").count == 3)
  }

  @Test func pagesJoin() async throws {
    let cloud = try await Fixture()
    for number in 1...5 { _ = try await cloud.create(name: "s\(number % 3)") }
    for query in ["", "sort_key=display_name&sort_dir=asc", "sort_key=launched_at&sort_key=display_name&sort_dir=desc"]
    {
      let whole = await cloud.get("/v2.1/servers?\(query)")["servers"]?.array?.compactMap { $0["id"]?.string } ?? []
      var path: String? = "/v2.1/servers?limit=2&\(query)"
      var joined: [String] = []
      while let next = path, joined.count <= 5 {
        let page = await cloud.get(next)
        joined += page["servers"]?.array?.compactMap { $0["id"]?.string } ?? []
        let href = page["servers_links"]?.array?.first?["href"]?.string
        path = href.map { String($0.dropFirst("http://cloud/compute".count)) }
        if let href, !query.isEmpty { #expect(href.contains("sort_key=")) }
      }
      #expect(joined == whole, "\(query)")
      #expect(whole.count == 5)
    }
    #expect(await cloud.send("GET", "/v2.1/servers?marker=\(Identifier.uuid())").status == 400)
    #expect(await cloud.send("GET", "/v2.1/servers?limit=-1").status == 400)
    #expect(await cloud.send("GET", "/v2.1/servers?sort_key=seed").status == 400)
    #expect(await cloud.send("GET", "/v2.1/servers?sort_key=host").status == 400)
    #expect(await cloud.send("GET", "/v2.1/servers?sort_dir=up").status == 400)
    #expect(await cloud.get("/v2.1/servers?limit=0")["servers"]?.array?.isEmpty == true)
  }

  @Test func aThousandInOneAnswer() async throws {
    let cloud = try await Fixture(vcpus: 2000)
    let quota = #"{"quota_set": {"instances": -1, "cores": -1, "ram": -1}}"#
    _ = await cloud.send("PUT", "/v2.1/os-quota-sets/alice", quota, as: "admin")
    _ = try await cloud.create(#""min_count": 1000, "max_count": 1000, "#)
    #expect(try await cloud.count("server") == 1000)
    let answer = await cloud.send("GET", "/v2.1/servers/detail", version: "2.100")
    #expect(answer.json["servers"]?.array?.count == 1000)
  }
}
