import Kit
import Testing

/// Images shared with other projects.
struct ImageMemberTests {
  @Test func sharesAndAccepts() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.create(#"{"name": "s"}"#)
    let members = "/v2/images/\(id)/members"
    func listed(_ query: String = "") async throws -> Int? {
      try await cloud.send("GET", "/v2/images" + query, as: "bob").json["images"]?.array?.count
    }
    let added = try await cloud.send("POST", members, #"{"member": "bob"}"#)
    #expect(added.status == 200)
    #expect(added.json["status"] == .string("pending"))
    #expect(try await cloud.send("POST", members, #"{"member": "bob"}"#).status == 409)
    #expect(try await cloud.send("GET", "/v2/images/\(id)", as: "bob").status == 200)
    #expect(try await listed() == 0)
    #expect(try await listed("?visibility=shared&member_status=pending") == 1)
    #expect(try await cloud.send("PUT", members + "/bob", #"{"status": "accepted"}"#).status == 403)
    #expect(try await cloud.send("PUT", members + "/bob", #"{"status": "yes"}"#, as: "bob").status == 400)
    #expect(try await cloud.send("PUT", members + "/bob", #"{"status": "accepted"}"#, as: "bob").status == 200)
    #expect(try await listed() == 1)
    _ = try await cloud.send("POST", members, #"{"member": "carol"}"#)
    #expect(try await cloud.send("GET", members).json["members"]?.array?.count == 2)
    #expect(try await cloud.send("GET", members, as: "bob").json["members"]?.array?.count == 1)
    #expect(try await cloud.send("GET", members + "/carol", as: "bob").status == 404)
    #expect(try await cloud.send("GET", members + "/bob", as: "bob").json["member_id"] == .string("bob"))
    #expect(try await cloud.send("DELETE", members + "/bob", as: "bob").status == 403)
    #expect(try await cloud.send("DELETE", members + "/bob").status == 204)
    #expect(try await cloud.send("DELETE", members + "/bob").status == 404)
    #expect(try await cloud.send("GET", "/v2/images/\(id)", as: "bob").status == 404)
  }

  @Test func refuses() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.create(#"{"visibility": "private"}"#)
    let members = "/v2/images/\(id)/members"
    #expect(try await cloud.send("POST", members, #"{"member": "bob"}"#).status == 403)
    #expect(try await cloud.send("GET", members).status == 403)
    let shared = try await cloud.create("{}")
    for body in ["", "[]", #"{"member": ""}"#, #"{"member": 1}"#, #"{"member": "b", "x": 1}"#, "{}"] {
      #expect(try await cloud.send("POST", "/v2/images/\(shared)/members", body).status == 400)
    }
    #expect(try await cloud.send("GET", "/v2/images/\(Identifier.uuid())/members").status == 404)
  }
}
