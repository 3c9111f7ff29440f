import API
import Contracts
import Kit
import NodeLink
import Testing

@testable import Explain

/// What a text names.
struct FindingTests {
  private static let id = "1a2b3c4d-5e6f-4a0b-8c1d-2e3f4a5b6c7d"

  @Test func oneNameOfManyIsRefusedWithTheChoice() async throws {
    let fixture = try await Fixture()
    let server = fixture.shelf.put("server", "web")
    let port = fixture.shelf.put("port", "web")
    let answer = await fixture.get("/explain/web")
    #expect(answer.status == 409)
    let fault = try #require(answer.json["conflictingRequest"])
    #expect(fault["code"] == 409 && fault["message"]?.string?.contains("2 resources") == true)
    #expect(Set(fault["candidates"]?.array?.compactMap { $0["id"]?.string } ?? []) == [server, port])
    #expect(try await fixture.explain("web?kind=port")["id"] == .string(port))
    #expect(try await fixture.explain("web?kind=server")["id"] == .string(server))
    #expect(await fixture.get("/explain/web?kind=router").status == 404)
    #expect(await fixture.get("/explain/web?kind=bicycle").status == 400)
    #expect(await fixture.get("/explain/web?kin=port").status == 400)
    // Another project has its own `web`: neither sees the other's, so neither has to choose.
    let other = fixture.shelf.put("server", "lonely", project: "p-other")
    fixture.shelf.put("server", "lonely")
    #expect(try await fixture.explain("lonely", as: "other")["id"] == .string(other))
    #expect(await fixture.get("/explain/lonely").status == 409)
  }

  @Test func anIdBeatsANameAndANameBeatsABeginning() async throws {
    let fixture = try await Fixture()
    fixture.shelf.put("server", "web", id: Self.id)
    fixture.shelf.put("server", Self.id)
    #expect(try await fixture.explain(Self.id)["name"] == "web")
    #expect(try await fixture.explain("1a2b3c4d")["name"] == "web")
    #expect(try await fixture.explain("1A2B3C4D-5E")["name"] == "web")
    let named = fixture.shelf.put("server", "1a2b3c4d")
    #expect(try await fixture.explain("1a2b3c4d")["id"] == .string(named))
  }

  @Test(arguments: [
    ("habcdt1a2b3c4d5", "port", "tap of port"), ("habcdb1a2b3c4d5", "network", "bridge of network"),
    ("habcdd1a2b3c4d5", "network", "DHCP namespace's interface of network"),
    ("habcdr1a2b3c4d5", "port", "router's interface of port"),
    ("habcdg1a2b3c4d5", "port", "router's gateway interface of port"),
    ("qr-1a2b3c4d-5e", "port", "router's interface of port"),
    ("qg-1a2b3c4d-5e", "port", "router's gateway interface of port"),
    ("ns-1a2b3c4d-5e", "network", "interface in the DHCP namespace of network"),
    ("haneul-abcd-dhcp-\(id)", "network", "DHCP namespace of network"),
    ("haneul-abcd-router-\(id)", "router", "namespace of router"),
    ("haneul-abcd-\(id)", "server", "libvirt domain of server"),
  ])
  func namesOnTheHostTellWhatTheyAreFor(name: String, kind: String, what: String) async throws {
    let fixture = try await Fixture()
    for each in ["server", "port", "network", "router"] { fixture.shelf.put(each, each, id: Self.id) }
    let answer = await fixture.get("/whatis/\(name)", as: "demo")
    let found = try #require(answer.json["whatis"]?.array)
    #expect(found.count == 1)
    #expect(found.first?["kind"] == .string(kind) && found.first?["what"] == .string(what))
    #expect(found.first?["project_name"] == "demo project")
    #expect(found.first?["explain"] == .string("/haneul/v1/explain/\(Self.id)?kind=\(kind)"))
    #expect(await fixture.get("/whatis/\(name)", as: "other").status == 404)
  }

  /// The names that a host carries are made by `CloudTag`; what it makes is understood.
  @Test func whatTheTagMakesIsUnderstood() {
    let tag = Fixture.tag
    for (name, kind) in [
      (tag.interface(.tap, Self.id), "port"), (tag.interface(.bridge, Self.id), "network"),
      (tag.dhcpNamespace(Self.id), "network"), (tag.routerNamespace(Self.id), "router"),
      (tag.domain(Self.id), "server"),
    ] {
      let found = HostName(name, tag: tag)
      #expect(found?.kind == kind && Self.id.hasPrefix(found?.id ?? "?"), "\(name)")
    }
  }

  @Test(arguments: [
    "h9999t1a2b3c4d5", "habcdz1a2b3c4d5", "habcdt", "habcdt1a2b3c4dZ", "haneul-abcd-", "haneul-abcd-dhcp-x", "qr-",
    "br0", "", "habcdx",
  ])
  func otherNamesStandForNothing(name: String) {
    #expect(HostName(name, tag: Fixture.tag) == nil)
  }

  @Test func aRequestIdTellsWhoAskedAndLeadsToWhatItMade() async throws {
    let fixture = try await Fixture()
    let global = Identifier.request()
    let answer = await fixture.send(
      "POST", "/network/v2.0/ports", as: "demo", body: #"{"port": {"name": "eth"}}"#,
      headers: [("X-OpenStack-Request-ID", global)])
    let port = try #require(answer.json["port"]?["id"]?.string)
    let request = try #require(answer.headers.first { $0.name == "X-Openstack-Request-Id" }?.value)
    for id in [request, global] {
      let found = try #require(await fixture.get("/whatis/\(id)", as: "demo").json["whatis"]?.array)
      #expect(found.map { $0["kind"]?.string } == ["request", "port"])
      #expect(found.first?["name"] == "POST /network/v2.0/ports" && found.first?["explain"] == .null)
      #expect(found.first?["what"]?.string?.contains("demo") == true)
      #expect(found.last?["id"] == .string(port))
      #expect(await fixture.get("/whatis/\(id)", as: "other").status == 404)
      #expect(await fixture.get("/whatis/\(id)").status == 200)
    }
    #expect(await fixture.get("/whatis/req-nonsense").status == 404)
  }

  @Test func peopleAndFindingsAreKnown() async throws {
    let fixture = try await Fixture()
    try await fixture.report(drift: [Fixture.finding("domain web1", .foreignDomain)])
    #expect(await fixture.get("/whatis/u-other").json["whatis"]?.array?.first?["name"] == "other")
    #expect(await fixture.get("/whatis/p-other").json["whatis"]?.array?.first?["kind"] == "project")
    #expect(await fixture.get("/whatis/u-other", as: "demo").status == 404)
    #expect(await fixture.get("/whatis/u-demo", as: "demo").status == 200)
    for text in ["web1", "domain%20web1"] {
      let found = try #require(await fixture.get("/whatis/\(text)").json["whatis"]?.array?.first)
      #expect(found["kind"] == "drift" && found["what"]?.string?.contains("host.foreign_domain") == true)
      #expect(await fixture.get("/whatis/\(text)", as: "demo").status == 404)
    }
    #expect(await fixture.get("/whatis/host-one").json["whatis"]?.array?.first?["kind"] == "host")
  }

  @Test func anotherCloudsNameIsSaidToBeOne() async throws {
    let fixture = try await Fixture()
    for name in ["h9999t1a2b3c4d5", "haneul-9999-\(Self.id)", "h9999x"] {
      #expect(await fixture.get("/whatis/\(name)").text.contains("looks like another cloud's"), "\(name)")
    }
    #expect(await fixture.get("/whatis/habcdt1a2b3c4d5").text.contains("this cloud would give"))
  }

  @Test func oddTextsAreNoError() async throws {
    let fixture = try await Fixture()
    let odd = ["%00", "%27%3B%20DROP%20TABLE%20sight", String(repeating: "x", count: 5000), "%2F", "--", "%25"]
    for text in odd {
      for path in ["explain", "whatis"] {
        #expect(await fixture.get("/\(path)/\(text)").status == 404, "\(path) \(text.prefix(30))")
      }
    }
  }

  @Test func prefixesAreRanges() {
    #expect(Identifier.range(beginning: "1a2b3c4d") == "1a2b3c4d"..<"1a2b3c4dg")
    #expect(Identifier.range(beginning: "1A2B3C4D5") == "1a2b3c4d-5"..<"1a2b3c4d-5g")
    #expect(Identifier.range(beginning: "1a2b3c4d-")?.contains(Self.id) == true)
    #expect(Identifier.range(beginning: Self.id)?.contains(Self.id) == true)
    for text in ["1a2b3c4", "1a2b-3c4d", "zzzzzzzz", "", Self.id + "0"] {
      #expect(Identifier.range(beginning: text) == nil, "\(text)")
    }
  }
}
