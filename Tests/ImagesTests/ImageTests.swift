import Kit
import Testing

/// Images without their bytes: create, show, list, change, delete.
struct ImageTests {
  @Test func discovery() async throws {
    let cloud = try await Fixture()
    let root = try await cloud.send("GET", "", as: nil)
    #expect(root.status == 300)
    #expect(root.json["versions"]?.array?.first?["id"] == .string("v2.17"))
    #expect(root.json["versions"]?.array?.first?["status"] == .string("CURRENT"))
    #expect(try await cloud.send("GET", "/versions/", as: nil).status == 200)
    for name in ["image", "images", "member", "members"] {
      #expect(try await cloud.send("GET", "/v2/schemas/\(name)").json["name"] == .string(name))
    }
    #expect(try await cloud.send("GET", "/v2/schemas/task").status == 404)
    #expect(try await cloud.send("GET", "/v2/info/import").json["import-methods"]?["value"] == .array([]))
    #expect(try await cloud.send("GET", "/v2/info/stores").json["stores"]?.array?.count == 1)
  }

  @Test func createsAndShows() async throws {
    let cloud = try await Fixture()
    let answer = try await cloud.send(
      "POST", "/v2/images",
      #"""
      {"name": "Ubuntu ä", "disk_format": "raw", "container_format": "bare", "min_disk": 3, "min_ram": 128,
       "tags": ["b", "a", "b"], "os_distro": "ubuntu", "hw_x": "1", "visibility": "private"}
      """#)
    #expect(answer.status == 201)
    let id = try #require(answer.json["id"]?.string)
    #expect(answer.header("Location") == "http://cloud/image/v2/images/\(id)")
    #expect(answer.header("OpenStack-image-import-methods") == nil)
    let shown = try await cloud.send("GET", "/v2/images/\(id)/", as: "reader-alice").json
    #expect(shown == answer.json)
    #expect(shown["status"] == .string("queued"))
    #expect(shown["os_distro"] == .string("ubuntu"))
    #expect(shown["tags"] == .array([.string("a"), .string("b")]))
    #expect(shown["owner"] == .string("alice"))
    for name in ["size", "virtual_size", "checksum", "os_hash_algo", "os_hash_value"] { #expect(shown[name] == .null) }
    #expect(shown["file"] == .string("/v2/images/\(id)/file"))
    #expect(try await cloud.send("POST", "/v2/images", "{}").json["visibility"] == .string("shared"))
  }

  @Test(arguments: [
    (#"[]"#, 400), (#""#, 400), (#"{"name": 1}"#, 400), (#"{"visibility": "secret"}"#, 400),
    (#"{"visibility": "public"}"#, 403), (#"{"disk_format": "vmdk"}"#, 400), (#"{"container_format": "ova"}"#, 400),
    (#"{"min_disk": -1}"#, 400), (#"{"min_ram": "1"}"#, 400), (#"{"protected": "yes"}"#, 400),
    (#"{"tags": "a"}"#, 400), (#"{"tags": [1]}"#, 400), (#"{"tags": [""]}"#, 400), (#"{"x": 1}"#, 400),
    (#"{"x": {}}"#, 400), (#"{"": "v"}"#, 400), (#"{"id": "no"}"#, 400), (#"{"status": "active"}"#, 403),
    (#"{"checksum": "0"}"#, 403), (#"{"size": 1}"#, 403), (#"{"locations": []}"#, 403), (#"{"deleted": "1"}"#, 403),
    (#"{"os_glance_x": "1"}"#, 403), (#"{"owner": "bob"}"#, 403), (#"{"direct_url": "x"}"#, 403),
  ])
  func refusesBadImages(body: String, status: Int) async throws {
    let cloud = try await Fixture()
    let answer = try await cloud.send("POST", "/v2/images", body)
    #expect(answer.status == status, "\(answer.text)")
    #expect(answer.text.hasPrefix("<html>"))
    #expect(try await cloud.send("GET", "/v2/images").json["images"] == .array([]))
  }

  @Test func boundsTagsAndProperties() async throws {
    let cloud = try await Fixture()
    let properties = (0...128).map { "\"p\($0)\": \"v\"" }.joined(separator: ",")
    #expect(try await cloud.send("POST", "/v2/images", "{\(properties)}").status == 413)
    let tags = (0...128).map { "\"t\($0)\"" }.joined(separator: ",")
    #expect(try await cloud.send("POST", "/v2/images", "{\"tags\": [\(tags)]}").status == 413)
    #expect(
      try await cloud.send("POST", "/v2/images", "{\"\(String(repeating: "n", count: 256))\": \"v\"}").status == 400)
  }

  @Test func idsAreGivenOnce() async throws {
    let cloud = try await Fixture()
    let id = Identifier.uuid()
    #expect(try await cloud.create("{\"id\": \"\(id)\"}") == id)
    #expect(try await cloud.send("POST", "/v2/images", "{\"id\": \"\(id)\"}", as: "bob").status == 409)
    #expect(try await cloud.send("DELETE", "/v2/images/\(id)").status == 204)
    // OSSN-0075: the id of a deleted image must not come back with somebody else's bytes.
    #expect(try await cloud.send("POST", "/v2/images", "{\"id\": \"\(id)\"}", as: "bob").status == 409)
  }

  @Test func changes() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.create(#"{"name": "old", "a/b": "1", "c": "2"}"#)
    let answer = try await cloud.patch(
      id,
      #"""
      [{"op": "replace", "path": "/name", "value": "new"}, {"op": "add", "path": "/d", "value": "3"},
       {"op": "replace", "path": "/a~1b", "value": "4"}, {"op": "remove", "path": "/c"},
       {"op": "replace", "path": "/tags", "value": ["t"]}, {"op": "add", "path": "/min_disk", "value": 7}]
      """#)
    #expect(answer.status == 200, "\(answer.text)")
    let shown = try await cloud.send("GET", "/v2/images/\(id)").json
    #expect(shown == answer.json)
    #expect(shown["name"] == .string("new"))
    #expect(shown["a/b"] == .string("4"))
    #expect(shown["c"] == nil)
    #expect(shown["d"] == .string("3"))
    #expect(shown["min_disk"] == .int(7))
    let old = try await cloud.send(
      "PATCH", "/v2/images/\(id)", #"[{"replace": "/name", "value": "four"}]"#,
      headers: [("Content-Type", "application/openstack-images-v2.0-json-patch; charset=utf-8")])
    #expect(old.json["name"] == .string("four"))
    let plain = try await cloud.send("PATCH", "/v2/images/\(id)", "[]", headers: [("Content-Type", "application/json")])
    #expect(plain.status == 415)
    #expect(plain.header("Accept-Patch") != nil)
  }

  @Test(arguments: [
    (#"{}"#, 400), (#"[1]"#, 400), (#"[{"op": "move", "path": "/name"}]"#, 400), (#"[{"op": "add"}]"#, 400),
    (#"[{"op": "add", "path": "name", "value": "x"}]"#, 400), (#"[{"op": "add", "path": "/name"}]"#, 400),
    (#"[{"op": "add", "path": "/tags/-", "value": "x"}]"#, 400), (#"[{"op": "remove", "path": "/name"}]"#, 403),
    (#"[{"op": "remove", "path": "/none"}]"#, 409), (#"[{"op": "replace", "path": "/none", "value": "x"}]"#, 409),
    (#"[{"op": "replace", "path": "/status", "value": "active"}]"#, 403),
    (#"[{"op": "replace", "path": "/id", "value": "x"}]"#, 403),
    (#"[{"op": "add", "path": "/os_glance_x", "value": "x"}]"#, 403),
    (#"[{"op": "replace", "path": "/owner", "value": "bob"}]"#, 403),
    (#"[{"op": "replace", "path": "/visibility", "value": "public"}]"#, 403),
    (#"[{"op": "replace", "path": "/name", "value": 7}]"#, 400),
  ])
  func refusesBadChanges(body: String, status: Int) async throws {
    let cloud = try await Fixture()
    let id = try await cloud.create(#"{"name": "old"}"#)
    let before = try await cloud.send("GET", "/v2/images/\(id)").json
    let both = body.hasPrefix("[{") ? #"[{"op": "add", "path": "/half", "value": "done"}, "# + body.dropFirst() : body
    #expect(try await cloud.patch(id, both).status == status)
    #expect(try await cloud.send("GET", "/v2/images/\(id)").json == before)
  }

  @Test func tagsOneByOne() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.create("{}")
    #expect(try await cloud.send("PUT", "/v2/images/\(id)/tags/a%20b").status == 204)
    #expect(try await cloud.send("PUT", "/v2/images/\(id)/tags/a%20b").status == 204)
    #expect(try await cloud.send("GET", "/v2/images/\(id)").json["tags"] == .array([.string("a b")]))
    #expect(try await cloud.send("DELETE", "/v2/images/\(id)/tags/a%20b").status == 204)
    #expect(try await cloud.send("DELETE", "/v2/images/\(id)/tags/a%20b").status == 404)
    #expect(try await cloud.send("PUT", "/v2/images/\(Identifier.uuid())/tags/x").status == 404)
  }

  @Test func deletes() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.create(#"{"protected": true, "tags": ["t"], "p": "v"}"#)
    #expect(try await cloud.send("DELETE", "/v2/images/\(id)").status == 403)
    #expect(try await cloud.patch(id, #"[{"op": "replace", "path": "/protected", "value": false}]"#).status == 200)
    #expect(try await cloud.send("DELETE", "/v2/images/\(id)", as: "reader-alice").status == 403)
    #expect(try await cloud.send("DELETE", "/v2/images/\(id)").status == 204)
    #expect(try await cloud.send("GET", "/v2/images/\(id)").status == 404)
    #expect(try await cloud.send("DELETE", "/v2/images/\(id)").status == 404)
    #expect(try await cloud.send("GET", "/v2/images/").json["images"] == .array([]))
  }

  @Test func otherProjectsSeeNothing() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.create(#"{"name": "mine"}"#)
    let path = "/v2/images/\(id)"
    let patch = [("Content-Type", "application/openstack-images-v2.1-json-patch")]
    #expect(try await cloud.send("GET", path, as: "bob").status == 404)
    #expect(try await cloud.send("PATCH", path, "[]", as: "bob", headers: patch).status == 404)
    #expect(try await cloud.send("DELETE", path, as: "bob").status == 404)
    #expect(try await cloud.send("GET", path + "/file", as: "bob").status == 404)
    #expect(try await cloud.upload(id, [1], as: "bob").status == 404)
    #expect(try await cloud.send("PUT", path + "/tags/x", as: "bob").status == 404)
    #expect(try await cloud.send("GET", path + "/members", as: "bob").status == 404)
    #expect(try await cloud.send("POST", path + "/members", #"{"member": "bob"}"#, as: "bob").status == 404)
    #expect(try await cloud.send("POST", path + "/actions/deactivate", as: "bob").status == 404)
    for query in ["", "?owner=alice", "?visibility=all", "?visibility=shared&member_status=all", "?id=\(id)"] {
      #expect(try await cloud.send("GET", "/v2/images" + query, as: "bob").json["images"] == .array([]))
    }
    #expect(try await cloud.send("GET", "/v2/images?marker=\(id)", as: "bob").status == 400)
    #expect(try await cloud.send("GET", path, as: nil).status == 401)
    #expect(try await cloud.send("GET", path, as: "admin").status == 200)
  }

  @Test func visibilities() async throws {
    let cloud = try await Fixture()
    let open = try await cloud.create(#"{"visibility": "public"}"#, as: "admin")
    let community = try await cloud.create(#"{"visibility": "community"}"#)
    #expect(try await cloud.send("GET", "/v2/images/\(open)", as: "bob").status == 200)
    #expect(try await cloud.send("GET", "/v2/images/\(community)", as: "bob").status == 200)
    // Visible is not changeable.
    #expect(
      try await cloud.patch(open, #"[{"op": "replace", "path": "/name", "value": "x"}]"#, as: "bob").status == 403)
    #expect(try await cloud.send("DELETE", "/v2/images/\(open)", as: "bob").status == 403)
    func listed(_ query: String) async throws -> [String] {
      try await cloud.send("GET", "/v2/images" + query, as: "bob").json["images"]?.array?.compactMap {
        $0["id"]?.string
      } ?? []
    }
    #expect(try await listed("") == [open])
    #expect(try await listed("?visibility=community") == [community])
    #expect(try await listed("?visibility=all") == [community, open])
    #expect(try await listed("?visibility=private") == [])
  }
}
