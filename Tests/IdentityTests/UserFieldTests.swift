import Kit
import Store
import Testing

@testable import Identity

/// What a user consists of: options, identities elsewhere, the end of its password, and lists by all of them.
struct UserFieldTests {
  @Test func options() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let all = #"""
      {"ignore_change_password_upon_first_use": true, "ignore_password_expiry": false,
       "ignore_lockout_failure_attempts": true, "lock_password": false, "ignore_user_inactivity": true,
       "multi_factor_auth_enabled": true, "multi_factor_auth_rules": [["password", "totp"], ["token"]]}
      """#
    let id = try await cloud.make(
      "/v3/users", #"{"user": {"name": " optional ", "options": \#(all)}}"#, token: admin)
    let path = "/v3/users/\(id)"
    let made = await cloud.send("GET", path, token: admin).json["user"]
    #expect(made?["name"]?.string == "optional")
    #expect(made?["options"] == (try JSONValue(parsing: all)))
    // One is changed, one taken away, the others stay.
    let change = #"{"user": {"options": {"lock_password": true, "multi_factor_auth_rules": null}}}"#
    let changed = await cloud.send("PATCH", path, change, token: admin).json["user"]?["options"]
    #expect(changed?["lock_password"] == .bool(true))
    #expect(changed?["multi_factor_auth_rules"] == nil)
    #expect(changed?["multi_factor_auth_enabled"] == .bool(true))
    for bad in [
      #"{"unknown": true}"#, #"{"lock_password": "yes"}"#, #"{"lock_password": 1}"#, "[]", "7",
      #"{"multi_factor_auth_rules": "password"}"#, #"{"multi_factor_auth_rules": ["password"]}"#,
      #"{"multi_factor_auth_rules": [[]]}"#, #"{"multi_factor_auth_rules": [["a", "a"]]}"#,
      #"{"multi_factor_auth_rules": [["a"], ["a"]]}"#, #"{"multi_factor_auth_rules": [[7]]}"#,
      #"{"multi_factor_auth_rules": {"a": "b"}}"#, #"{"multi_factor_auth_enabled": []}"#,
    ] {
      #expect(
        await cloud.send("PATCH", path, #"{"user": {"options": \#(bad)}}"#, token: admin).isFault(400), "\(bad)")
    }
    let before = await cloud.send("GET", path, token: admin).json["user"]?["options"]
    #expect(before == changed)
  }

  @Test func bodies() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let path = "/v3/users/\(cloud.ids.demoUserID)"
    for (body, status) in [
      ("{}", 400), (#"{"id": "other"}"#, 400), (#"{"id": "\#(cloud.ids.demoUserID)"}"#, 200),
      (#"{"domain_id": null}"#, 400), (#"{"domain_id": "default"}"#, 200), (#"{"description": null}"#, 200),
      (#"{"description": 7}"#, 400), (#"{"name": "   "}"#, 400), (#"{"federated": []}"#, 200),
      (#"{"federated": {}}"#, 400), (#"{"federated": [{}]}"#, 400),
      (#"{"federated": [{"idp_id": "i", "protocols": []}]}"#, 400),
      (#"{"federated": [{"idp_id": "i", "protocols": [{"protocol_id": "p"}]}]}"#, 400),
      (#"{"federated": [{"idp_id": "i", "protocols": [{"protocol_id": "p", "unique_id": "u"}]}]}"#, 400),
      (#"{"default_project_id": null}"#, 200), (#"{"password": 7}"#, 400), (#"{"colour": {"a": [1]}}"#, 200),
    ] {
      #expect(await cloud.send("PATCH", path, #"{"user": \#(body)}"#, token: admin).status == status, "\(body)")
    }
    let shown = await cloud.send("GET", path, token: admin).json["user"]
    #expect(shown?["colour"] == .object(["a": .array([.int(1)])]))
    #expect(shown?["federated"] == nil)
  }

  /// Who a user is at an identity provider, and users found by it.
  @Test func identitiesElsewhere() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    try await cloud.store.write { tx in
      try tx.execute("INSERT INTO identity_provider (id, domain_id, enabled) VALUES ('idp', 'default', 1)")
      for id in ["openid", "saml2"] {
        try tx.execute("INSERT INTO identity_protocol (idp_id, id, mapping_id) VALUES ('idp', \(id), 'm')")
      }
    }
    func elsewhere(_ protocols: [String], _ unique: String) -> String {
      let list = protocols.map { #"{"protocol_id": "\#($0)", "unique_id": "\#(unique)"}"# }.joined(separator: ", ")
      return #"[{"idp_id": "idp", "protocols": [\#(list)]}]"#
    }
    let both = elsewhere(["openid", "saml2"], "u1")
    let id = try await cloud.make("/v3/users", #"{"user": {"name": "fed", "federated": \#(both)}}"#, token: admin)
    let path = "/v3/users/\(id)"
    #expect(await cloud.send("GET", path, token: admin).json["user"]?["federated"] == (try JSONValue(parsing: both)))
    for (filter, found) in [
      ("idp_id=idp", true), ("protocol_id=saml2", true), ("unique_id=u1", true), ("unique_id=u2", false),
      ("idp_id=idp&protocol_id=saml2&unique_id=u1", true), ("idp_id=other&unique_id=u1", false),
    ] {
      #expect(
        await cloud.send("GET", "/v3/users?\(filter)", token: admin).ids("users") == (found ? [id] : []), "\(filter)")
    }
    let one = #"{"user": {"federated": \#(elsewhere(["openid"], "u2"))}}"#
    #expect(
      await cloud.send("PATCH", path, one, token: admin).json["user"]?["federated"]
        == (try JSONValue(parsing: elsewhere(["openid"], "u2"))))
    #expect(await cloud.send("GET", "/v3/users?protocol_id=saml2", token: admin).ids("users") == [])
    // Nobody is two users, and nobody is known where nothing is.
    let twice = #"{"user": {"name": "twin", "federated": \#(elsewhere(["openid"], "u2"))}}"#
    #expect(await cloud.send("POST", "/v3/users", twice, token: admin).isFault(409))
    let unknown = #"{"user": {"name": "twin", "federated": \#(elsewhere(["nowhere"], "u3"))}}"#
    #expect(await cloud.send("POST", "/v3/users", unknown, token: admin).isFault(400))
    #expect(await cloud.send("GET", "/v3/users?name=twin", token: admin).ids("users") == [])
  }

  /// The end of a password, compared in Keystone's words, also among a group's members.
  @Test func passwordEnds() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let group = try await cloud.make("/v3/groups", #"{"group": {"name": "g"}}"#, token: admin)
    let users = [cloud.ids.adminUserID, cloud.ids.demoUserID]
    for (user, end) in zip(users, ["2030-01-01T00:00:00Z", "2031-01-01T00:00:00Z"]) {
      #expect(await cloud.send("PUT", "/v3/groups/\(group)/users/\(user)", token: admin).status == 204)
      let moment = try #require(Timestamp(iso8601: end))
      try await cloud.store.write { tx in
        try tx.execute("UPDATE identity_user SET password_expires_at = \(moment) WHERE id = \(user)")
      }
    }
    _ = try await cloud.make("/v3/users", #"{"user": {"name": "endless"}}"#, token: admin)
    let shown = await cloud.send("GET", "/v3/users/\(users[0])", token: admin)
    #expect(shown.json["user"]?["password_expires_at"]?.string == "2030-01-01T00:00:00.000000")
    for (filter, found) in [
      ("lt:2030-06-01T00:00:00Z", [users[0]]), ("gt:2030-06-01T00:00:00Z", [users[1]]),
      ("lte:2031-01-01T00:00:00Z", users), ("gte:2030-01-01T00:00:00Z", users), ("lt:2030-01-01T00:00:00Z", []),
      ("eq:2031-01-01T00:00:00Z", [users[1]]), ("2030-01-01T00:00:00Z", [users[0]]),
      ("neq:2030-01-01T00:00:00Z", [users[1]]),
    ] {
      for list in ["/v3/users", "/v3/groups/\(group)/users"] {
        let answer = await cloud.send("GET", "\(list)?password_expires_at=\(filter)", token: admin)
        #expect(answer.ids("users") == found.sorted(), "\(list) \(filter)")
      }
    }
    for bad in ["lt:yesterday", "soon", "like:2030-01-01T00:00:00Z", "", "lt:"] {
      #expect(
        await cloud.send("GET", "/v3/users?password_expires_at=\(bad)", token: admin).isFault(400), "\(bad)")
    }
  }

  /// Pages of a list say that there is more.
  @Test func pages() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let first = await cloud.send("GET", "/v3/users?limit=1", token: admin)
    #expect(first.ids("users").count == 1)
    #expect(first.json["truncated"] == .bool(true))
    #expect(first.json["links"]?["next"]?.string != nil)
    let whole = await cloud.send("GET", "/v3/users?limit=2", token: admin)
    #expect(whole.ids("users").count == 2)
    #expect(whole.json["truncated"] == nil)
  }
}
