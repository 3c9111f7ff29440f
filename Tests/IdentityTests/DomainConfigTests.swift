import Kit
import Store
import Testing

@testable import Identity

/// Settings of a domain: made, changed, read and deleted as a whole, by group and by option.
struct DomainConfigTests {
  private static let whole =
    #"{"config": {"identity": {"driver": "ldap"}, "ldap": {"url": "ldap://x", "password": "hush", "page_size": 10}}}"#

  private static func domain(_ cloud: Fixture) async throws -> String {
    let id = try await cloud.make("/v3/domains", #"{"domain": {"name": "d"}}"#, token: try await cloud.admin())
    return "/v3/domains/\(id)/config"
  }

  @Test func wholeGroupsAndOptions() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let path = try await Self.domain(cloud)
    #expect(await cloud.send("GET", path, token: admin).isFault(404))
    let made = await cloud.send("PUT", path, Self.whole, token: admin)
    #expect(made.status == 201)
    #expect(made.json["config"]?["ldap"] == .object(["url": .string("ldap://x"), "page_size": .int(10)]))
    #expect(await cloud.send("GET", path, token: admin).json == made.json)
    #expect(
      await cloud.send("GET", path + "/identity", token: admin).json
        == (try JSONValue(parsing: #"{"config": {"identity": {"driver": "ldap"}}}"#)))
    let option = await cloud.send("GET", path + "/ldap/url", token: admin).json
    #expect(option == (try JSONValue(parsing: #"{"config": {"url": "ldap://x"}}"#)))
    #expect(await cloud.send("HEAD", path + "/ldap/url", token: admin).status == 200)
    // Changes answer with the whole.
    let byGroup = await cloud.send(
      "PATCH", path + "/ldap", #"{"config": {"ldap": {"url": "ldaps://y"}}}"#, token: admin)
    #expect(byGroup.json["config"]?["ldap"]?["url"]?.string == "ldaps://y")
    #expect(byGroup.json["config"]?["ldap"]?["page_size"]?.int == 10)
    let byOption = await cloud.send("PATCH", path + "/ldap/page_size", #"{"config": {"page_size": 20}}"#, token: admin)
    #expect(byOption.json["config"]?["ldap"]?["page_size"]?.int == 20)
    let added = await cloud.send("PATCH", path, #"{"config": {"ldap": {"user": "cn=x"}}}"#, token: admin)
    #expect(added.json["config"]?["ldap"]?.object?.keys.sorted() == ["page_size", "url", "user"])
    #expect(await cloud.send("DELETE", path + "/ldap/user", token: admin).status == 204)
    #expect(await cloud.send("DELETE", path + "/ldap/user", token: admin).isFault(404))
    #expect(await cloud.send("PATCH", path + "/ldap/user", #"{"config": {"user": "y"}}"#, token: admin).isFault(404))
    #expect(await cloud.send("DELETE", path + "/identity", token: admin).status == 204)
    #expect(await cloud.send("GET", path + "/identity", token: admin).isFault(404))
    #expect(
      await cloud.send("PATCH", path + "/identity", #"{"config": {"identity": {"driver": "sql"}}}"#, token: admin)
        .isFault(404))
    // Made anew, nothing of the old stays.
    let anew = await cloud.send("PUT", path, #"{"config": {"identity": {"driver": "sql"}}}"#, token: admin)
    #expect(anew.status == 200)
    #expect(await cloud.send("GET", path, token: admin).json["config"]?.object?.keys.sorted() == ["identity"])
    #expect(await cloud.send("DELETE", path, token: admin).status == 204)
    #expect(await cloud.send("DELETE", path, token: admin).status == 204)
    #expect(await cloud.send("GET", path, token: admin).isFault(404))
  }

  /// The password is kept, and never comes back by any way in.
  @Test func secrets() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let path = try await Self.domain(cloud)
    var answers = [await cloud.send("PUT", path, Self.whole, token: admin)]
    for (method, tail, body) in [
      ("GET", "", nil), ("GET", "/ldap", nil), ("PATCH", "/ldap/password", #"{"config": {"password": "hushed"}}"#),
      ("PATCH", "/ldap", #"{"config": {"ldap": {"password": "hushing"}}}"#), ("PUT", "", Self.whole),
    ] {
      answers.append(await cloud.send(method, path + tail, body, token: admin))
    }
    #expect(answers.allSatisfy { $0.status < 300 && !$0.text.contains("hush") && !$0.text.contains("password") })
    #expect(await cloud.send("GET", path + "/ldap/password", token: admin).isFault(404))
    #expect(await cloud.send("GET", "/v3/domains/config/ldap/password/default", token: admin).isFault(403))
    // It is sealed in the store, and comes out for who logs in there.
    let id = String(path.split(separator: "/")[2])
    let table = DomainConfigTable(domainID: id, group: "ldap")
    let core = cloud.identity.core
    let bind = #"{"config": {"ldap": {"user": "cn=x:%(password)s"}}}"#
    #expect(await cloud.send("PATCH", path, bind, token: admin).text.contains("%(password)s"))
    let (filled, sealed) = try await cloud.store.read { tx in
      (
        try table.filled(tx, core.credentialKeys),
        try tx.query("SELECT sealed FROM identity_domain_secret") { $0.text(0) }
      )
    }
    #expect(
      filled == [
        "url": .string("ldap://x"), "page_size": .int(10), "password": .string("hush"), "user": .string("cn=x:hush"),
      ])
    #expect(sealed.count == 1 && !sealed.contains { $0.contains("hush") })
    #expect(await cloud.send("DELETE", path + "/ldap/password", token: admin).status == 204)
    #expect(await cloud.send("DELETE", path + "/ldap/password", token: admin).isFault(404))
  }

  @Test func defaults() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let all = await cloud.send("GET", "/v3/domains/config/default", token: admin).json["config"]
    #expect(all?.object?.keys.sorted() == ["identity", "ldap"])
    let group = await cloud.send("GET", "/v3/domains/config/ldap/default", token: admin).json["config"]
    #expect(group?["ldap"] == all?["ldap"])
    for (name, value) in try #require(all?["ldap"]?.object) {
      let one = await cloud.send("GET", "/v3/domains/config/ldap/\(name)/default", token: admin)
      #expect(one.json["config"] == .object([name: value]), "\(name)")
    }
    #expect(await cloud.send("GET", "/v3/domains/config/nova/default", token: admin).isFault(403))
    #expect(await cloud.send("GET", "/v3/domains/config/ldap/unknown/default", token: admin).isFault(403))
    for (path, status) in [
      ("/v3/domains/default/config/security_compliance/lockout_duration", 403),
      ("/v3/domains/\(Identifier.hex())/config/security_compliance", 403),
      ("/v3/domains/default/config/security_compliance/password_regex", 200),
    ] {
      #expect(await cloud.send("GET", path, token: try await cloud.demo()).status == status, "\(path)")
    }
  }

  /// Everybody may know what a password must look like.
  @Test func whatIsAskedOfPasswordsIsTold() async throws {
    var settings = IdentitySettings()
    settings.passwords.pattern = try PasswordPattern("^.{9,}$")
    settings.passwords.patternDescription = "nine characters"
    let cloud = try await Fixture(settings: settings)
    let told = await cloud.send(
      "GET", "/v3/domains/default/config/security_compliance", token: try await cloud.demo())
    let rules = told.json["config"]?["security_compliance"]
    #expect(rules?["password_regex"]?.string == "^.{9,}$")
    #expect(rules?["password_regex_description"]?.string == "nine characters")
  }

  /// Keystone refuses what it does not know with 403 here; what is no JSON object is 400.
  @Test func badInput() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let path = try await Self.domain(cloud)
    for (body, status) in [
      (nil, 400), ("[]", 400), ("{}", 400), (#"{"config": 7}"#, 400), (#"{"config": []}"#, 400),
      (#"{"config": {}}"#, 403), (#"{"config": {"ldap": {}}}"#, 403), (#"{"config": {"ldap": "x"}}"#, 403),
      (#"{"config": {"ldap": null}}"#, 403), (#"{"config": {"nova": {"a": 1}}}"#, 403),
      (#"{"config": {"ldap": {"unknown": 1}}}"#, 403),
      (#"{"config": {"identity": {"driver": "sql"}}, "more": 1}"#, 400),
    ] {
      for method in ["PUT", "PATCH"] {
        #expect(await cloud.send(method, path, body, token: admin).status == status, "\(method) \(body ?? "nothing")")
      }
    }
    #expect(await cloud.send("GET", path, token: admin).isFault(404))
    #expect(await cloud.send("PUT", path, Self.whole, token: admin).status == 201)
    for (tail, body) in [
      ("/nova", #"{"config": {"nova": {"a": 1}}}"#), ("/ldap", #"{"config": {"identity": {"driver": "x"}}}"#),
      ("/ldap", #"{"config": {"ldap": {"url": "x"}, "identity": {"driver": "x"}}}"#), ("/ldap", #"{"config": {}}"#),
      ("/ldap/url", #"{"config": {"user": "x"}}"#), ("/ldap/url", #"{"config": {"url": "x", "user": "x"}}"#),
      ("/ldap/unknown", #"{"config": {"unknown": "x"}}"#),
    ] {
      #expect(await cloud.send("PATCH", path + tail, body, token: admin).isFault(403), "\(tail) \(body)")
    }
    for method in ["GET", "DELETE"] {
      #expect(await cloud.send(method, path + "/nova", token: admin).isFault(403))
      #expect(await cloud.send(method, path + "/ldap/unknown", token: admin).isFault(403))
    }
    for method in ["GET", "PUT", "PATCH", "DELETE"] {
      let nowhere = await cloud.send(method, "/v3/domains/none/config", Self.whole, token: admin)
      #expect(nowhere.isFault(404), "\(method)")
    }
  }

  /// The settings go with their domain.
  @Test func deletedWithTheDomain() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let path = try await Self.domain(cloud)
    #expect(await cloud.send("PUT", path, Self.whole, token: admin).status == 201)
    let domain = String(path.dropLast("/config".count))
    #expect(await cloud.send("PATCH", domain, #"{"domain": {"enabled": false}}"#, token: admin).status == 200)
    #expect(await cloud.send("DELETE", domain, token: admin).status == 204)
    let table = DomainConfigTable(domainID: String(domain.split(separator: "/")[2]))
    #expect(try await cloud.store.read { tx in try !table.isSet(tx) })
  }
}
