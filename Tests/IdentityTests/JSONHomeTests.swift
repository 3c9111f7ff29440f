import API
import Kit
import Testing

@testable import Identity

/// Discovery documents, and JSON-home.
struct JSONHomeTests {
  private static let root = "https://docs.openstack.org/api/openstack-identity/3/"

  /// Keystone's relations that are not served: SAML, and single sign-on by browser.
  private static let notServed: Set<String> = [
    "ext/OS-FEDERATION/1.0/rel/ecp", "ext/OS-FEDERATION/1.0/rel/identity_providers_websso",
    "ext/OS-FEDERATION/1.0/rel/metadata", "ext/OS-FEDERATION/1.0/rel/saml2", "ext/OS-FEDERATION/1.0/rel/websso",
  ]

  @Test func document() async throws {
    let cloud = try await Fixture()
    for (path, prefix) in [("/v3", ""), ("/", "/v3")] {
      let answer = await cloud.send("GET", path, headers: [("Accept", "application/json-home")])
      #expect(answer.status == 200)
      let resources = try #require(answer.json["resources"]?.object)
      #expect(
        resources[Self.root + "rel/domain_config_option"]
          == .object([
            "href-template": .string(prefix + "/domains/{domain_id}/config/{group}/{option}"),
            "href-vars": .object([
              "domain_id": .string(Self.root + "param/domain_id"), "group": .string(Self.root + "param/config_group"),
              "option": .string(Self.root + "param/config_option"),
            ]),
          ]))
      let group = Self.root + "ext/OS-EP-FILTER/1.0/"
      #expect(
        resources[group + "rel/endpoint_group"]
          == .object([
            "href-template": .string(prefix + "/OS-EP-FILTER/endpoint_groups/{endpoint_group_id}"),
            "href-vars": .object(["endpoint_group_id": .string(group + "param/endpoint_group_id")]),
          ]))
      #expect(
        resources[Self.root + "rel/limits"]
          == .object([
            "href": .string(prefix + "/limits"), "hints": .object(["status": .string("experimental")]),
          ]))
    }
  }

  /// It tells of all that Keystone tells of but what is not served; nothing that is told is not there.
  @Test func tellsWhatIsServed() async throws {
    let cloud = try await Fixture()
    let answer = await cloud.send("GET", "/v3", headers: [("Accept", "application/json-home")])
    let told = Set(try #require(answer.json["resources"]?.object).keys.map { String($0.dropFirst(Self.root.count)) })
    let known = JSONHomeResources.paths.flatMap { name, relations in
      relations.map { (name.isEmpty ? "" : "ext/\(name)/1.0/") + "rel/\($0.key)" }
    }
    #expect(Set(known).subtracting(told) == Self.notServed)
    #expect(told.isSubset(of: known))
    for (path, resource) in try #require(answer.json["resources"]?.object) {
      let template = try #require((resource["href"] ?? resource["href-template"])?.string)
      let there = await cloud.send("OPTIONS", "/v3" + template.replacing("{", with: "").replacing("}", with: ""))
      #expect(there.status == 200, "\(path)")
    }
  }

  @Test(arguments: [
    (nil, false), ("application/json", false), ("application/json-home", true), ("*/*", false),
    ("application/*", false),
    ("application/json-home, application/json", false), ("application/json-home, application/json;q=0.5", true),
    ("application/json-home;q=0.4, application/json; q=0.5", false), ("APPLICATION/JSON-HOME", true),
    ("*/*;q=0.1, application/json-home", true), ("application/json-home;q=0", false), ("text/html", false),
    (";;,,;q", false), ("application/json-home;q=x", false), ("", false),
  ])
  func whatTheClientAccepts(accept: String?, home: Bool) async throws {
    let cloud = try await Fixture()
    let headers = accept.map { [("Accept", $0)] } ?? []
    for path in ["/v3", "/"] {
      let answer = await cloud.send("GET", path, headers: headers)
      #expect((answer.json["resources"] != nil) == home, "\(accept ?? "nothing")")
      #expect(answer.status == (home || path == "/v3" ? 200 : 300))
    }
  }

  @Test func versions() async throws {
    let cloud = try await Fixture()
    let list = await cloud.send("GET", "/")
    #expect(list.headers["Location"] == "http://seen.test/identity/v3/")
    let version = await cloud.send("GET", "/v3").json["version"]
    #expect(list.json["versions"]?["values"] == .array([try #require(version)]))
    #expect(
      version
        == .object([
          "id": .string("v3.14"), "status": .string("stable"), "updated": .string("2020-04-07T00:00:00Z"),
          "links": .array([
            .object(["rel": .string("self"), "href": .string("http://seen.test/identity/v3/")])
          ]),
          "media-types": .array([
            .object([
              "base": .string("application/json"), "type": .string("application/vnd.openstack.identity-v3+json"),
            ])
          ]),
        ]))
  }
}
