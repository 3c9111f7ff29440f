import Identity
import Kit
import Testing

/// Wrong types, missing members and huge values: 400 in Keystone's shape, and nothing half done.
struct BadInputTests {
  @Test func creating() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let long = String(repeating: "n", count: 300)
    for (path, name) in [
      ("/v3/projects", "project"), ("/v3/domains", "domain"), ("/v3/users", "user"), ("/v3/groups", "group"),
      ("/v3/roles", "role"), ("/v3/services", "service"), ("/v3/endpoints", "endpoint"),
    ] {
      let before = await cloud.send("GET", path, token: admin).text
      for body in [
        nil, "[]", "7", "{", "{}", #"{"\#(name)": null}"#, #"{"\#(name)": []}"#, #"{"\#(name)": {}}"#,
        #"{"\#(name)": {"name": 7, "type": 7}}"#, #"{"\#(name)": {"name": "\#(long)", "type": "\#(long)"}}"#,
        #"{"\#(name)": {"name": "n", "type": "t", "description": 7, "options": 7}}"#,
        #"{"\#(name)": {"name": "n\u0000", "type": "t\u0000"}}"#,
        #"{"\#(name)": {"name": "n", "type": "t"}, "other": 1}"#,
      ] {
        let reply = await cloud.send("POST", path, body, token: admin)
        #expect(reply.isFault(400), "\(path) \(body ?? "nothing"): \(reply.text)")
      }
      #expect(await cloud.send("GET", path, token: admin).text == before)
    }
    for body in [
      #"{"user": {"name": " "}}"#, #"{"user": {"name": "n", "enabled": "yes"}}"#,
      #"{"user": {"name": "n", "enabled": null}}"#,
      #"{"user": {"name": "n", "password": 7}}"#, #"{"user": {"name": "n", "domain_id": 7}}"#,
      #"{"user": {"name": "n", "password": "\#(String(repeating: "p", count: 5000))"}}"#,
      #"{"user": {"name": "n", "options": {"multi_factor_auth_enabled": "yes"}}}"#,
    ] {
      #expect(await cloud.send("POST", "/v3/users", body, token: admin).isFault(400), "\(body.prefix(80))")
    }
    for body in [
      #"{"project": {"name": "n", "is_domain": 1}}"#,
      #"{"project": {"name": "n", "is_domain": true, "domain_id": "default"}}"#,
      #"{"project": {"name": "n", "tags": "t"}}"#, #"{"project": {"name": "n", "tags": ["t", "t"]}}"#,
      #"{"project": {"name": "n", "domain_id": "x", "parent_id": "\#(cloud.ids.demoProjectID)"}}"#,
    ] {
      #expect(await cloud.send("POST", "/v3/projects", body, token: admin).isFault(400), "\(body)")
    }
    let nowhere = #"{"user": {"name": "n", "domain_id": "nowhere"}}"#
    #expect(await cloud.send("POST", "/v3/users", nowhere, token: admin).isFault(404))
    let orphan = #"{"project": {"name": "n", "parent_id": "nowhere"}}"#
    #expect(await cloud.send("POST", "/v3/projects", orphan, token: admin).isFault(400))
    let huge = #"{"user": {"name": "n", "x": "\#(String(repeating: "x", count: 300_000))"}}"#
    #expect(await cloud.send("POST", "/v3/users", huge, token: admin).isFault(413))
  }

  @Test func changing() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let user = "/v3/users/\(cloud.ids.demoUserID)"
    let before = await cloud.send("GET", user, token: admin).text
    for body in [
      nil, "{}", #"{"user": 7}"#, #"{"user": {"name": null}}"#, #"{"user": {"name": ""}}"#,
      #"{"user": {"enabled": null}}"#,
      #"{"user": {"domain_id": "other"}}"#, #"{"user": {"password": {}}}"#, #"{"user": {"default_project_id": 7}}"#,
      #"{"user": {"options": {"unknown": true}, "email": "new"}}"#,
    ] {
      #expect(await cloud.send("PATCH", user, body, token: admin).isFault(400), "\(body ?? "nothing")")
    }
    #expect(await cloud.send("GET", user, token: admin).text == before)
    for path in ["users", "projects", "domains", "groups", "roles", "services", "endpoints", "regions"] {
      let name = String(path.dropLast())
      for method in ["GET", "PATCH", "DELETE"] {
        let reply = await cloud.send(method, "/v3/\(path)/none", #"{"\#(name)": {"description": "d"}}"#, token: admin)
        #expect(reply.isFault(404), "\(method) \(path)")
      }
    }
    // An id of the client's own choosing is not taken.
    let own = await cloud.send("POST", "/v3/users", #"{"user": {"name": "n", "id": "mine", "links": 1}}"#, token: admin)
    #expect(own.status == 201)
    #expect(own.json["user"]?["id"]?.string != "mine")
    for query in ["enabled=perhaps", "limit=-1", "limit=x", "domain_id=%ff"] {
      #expect(await cloud.send("GET", "/v3/users?\(query)", token: admin).isFault(400), "\(query)")
    }
  }

  @Test func applicationCredentials() async throws {
    let cloud = try await Fixture()
    let demo = try await cloud.demo()
    let path = "/v3/users/\(cloud.ids.demoUserID)/application_credentials"
    for body in [
      "{}", #"{"application_credential": {}}"#, #"{"application_credential": {"name": 7}}"#,
      #"{"application_credential": {"name": "n", "expires_at": "tomorrow"}}"#,
      #"{"application_credential": {"name": "n", "expires_at": "2020-01-01T00:00:00"}}"#,
      #"{"application_credential": {"name": "n", "roles": ["member"]}}"#,
      #"{"application_credential": {"name": "n", "roles": [{}]}}"#,
      #"{"application_credential": {"name": "n", "secret": ""}}"#,
      #"{"application_credential": {"name": "n", "unrestricted": "no"}}"#,
      #"{"application_credential": {"name": "n", "access_rules": [{"path": "/v2.1/servers", "method": "GET"}]}}"#,
    ] {
      #expect(await cloud.send("POST", path, body, token: demo).isFault(400), "\(body)")
    }
    #expect(await cloud.send("GET", path, token: demo).ids("application_credentials") == [])
    let good = #"{"application_credential": {"name": "n", "secret": "s"}}"#
    #expect(await cloud.send("POST", path, good, token: demo).status == 201)
    #expect(await cloud.send("POST", path, good, token: demo).isFault(409))
    let unscoped = try await cloud.send("POST", "/v3/auth/tokens", Bodies.token(demo, scope: #""unscoped""#)).token
    #expect(await cloud.send("POST", path, good, token: unscoped).isFault(403))
    #expect(await cloud.send("GET", path + "/none", token: demo).isFault(404))
    let other = "/v3/users/\(cloud.ids.adminUserID)/application_credentials"
    #expect(await cloud.send("GET", other, token: demo).isFault(403))
  }
}
