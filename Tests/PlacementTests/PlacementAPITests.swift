import Kit
import Store
import Testing

/// The reading API, at the microversions where it changes.
struct PlacementAPITests {
  @Test func versions() async throws {
    let cloud = try await Fixture()
    let root = try await cloud.get("", "1.0", as: nil)
    #expect(root.status == 200)
    let version = root.json["versions"]?.array?.first
    #expect(version?["max_version"] == .string("1.39"))
    #expect(version?["min_version"] == .string("1.0"))
    #expect(root.headers.contains { $0.name == "OpenStack-API-Version" && $0.value == "placement 1.0" })
    #expect(try await cloud.get("/", "latest", as: nil).headers.contains { $0.name == "Cache-Control" })
    let beyond = try await cloud.get("/", "1.40", as: nil)
    #expect(beyond.status == 406)
    #expect(beyond.json["errors"]?.array?.first?["max_version"] == .string("1.39"))
  }

  @Test func providers() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.host("h")
    let one = try await cloud.get("/resource_providers/\(id)").json
    #expect(one["name"] == .string("h"))
    #expect(one["root_provider_uuid"] == .string(id))
    #expect(one["parent_provider_uuid"] == .null)
    func relations(_ version: String) async throws -> [String]? {
      try await cloud.get("/resource_providers/\(id)", version).json["links"]?.array?.compactMap { $0["rel"]?.string }
    }
    #expect(try await relations("1.0") == ["self", "inventories", "usages"])
    #expect(try await relations("1.11") == ["self", "inventories", "usages", "aggregates", "traits", "allocations"])
    #expect(try await cloud.get("/resource_providers/\(id)", "1.13").json["root_provider_uuid"] == nil)
    func count(_ query: String, _ version: String = "1.39") async throws -> Int? {
      try await cloud.get("/resource_providers" + query, version).json["resource_providers"]?.array?.count
    }
    #expect(try await count("") == 1)
    #expect(try await count("?name=h&uuid=\(id)") == 1)
    #expect(try await count("?name=other") == 0)
    #expect(try await count("?resources=VCPU:4,MEMORY_MB:4096") == 1)
    #expect(try await count("?resources=MEMORY_MB:4097") == 0)
    #expect(try await count("?member_of=\(id)") == 0)
    #expect(try await count("?required=!COMPUTE_STATUS_DISABLED") == 1)
    #expect(try await count("?required=COMPUTE_STATUS_DISABLED") == 0)
    #expect(try await count("?in_tree=\(id)") == 1)
    for query in ["?nonsense=1", "?uuid=x", "?resources=VCPU", "?resources=GPU:1", "?resources=VCPU:0", "?required="] {
      #expect(try await cloud.get("/resource_providers" + query).status == 400, "\(query)")
    }
    #expect(try await cloud.get("/resource_providers?resources=VCPU:1", "1.3").status == 400)
  }

  @Test func whatAProviderHas() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.host("h")
    let server = Identifier.uuid()
    _ = try await cloud.claim(server, vcpus: 2, memory: 256, disk: 0)
    let path = "/resource_providers/\(id)"
    let inventories = try await cloud.get(path + "/inventories").json
    let memory = try #require(inventories["inventories"]?["MEMORY_MB"])
    #expect(memory["total"] == .int(4608))
    #expect(memory["reserved"] == .int(512))
    #expect(inventories["inventories"]?["VCPU"]?["allocation_ratio"] == .int(4))
    #expect(inventories["resource_provider_generation"] == .int(2))
    #expect(try await cloud.get(path + "/inventories/VCPU").json["total"] == .int(4))
    #expect(try await cloud.get(path + "/inventories/GPU").status == 404)
    let usages = try await cloud.get(path + "/usages").json["usages"]
    #expect(usages == .object(["VCPU": .int(2), "MEMORY_MB": .int(256), "DISK_GB": .int(0)]))
    let held = try await cloud.get(path + "/allocations").json["allocations"]?[server]
    #expect(held?["resources"] == .object(["VCPU": .int(2), "MEMORY_MB": .int(256)]))
    #expect(held?["consumer_generation"] == .int(1))
    #expect(try await cloud.get(path + "/aggregates", "1.19").json["aggregates"] == .array([]))
    #expect(try await cloud.get(path + "/aggregates", "1.18").json["resource_provider_generation"] == nil)
    #expect(try await cloud.get(path + "/traits", "1.5").status == 404)
    #expect(try await cloud.get(path + "/traits", "1.6").json["traits"] == .array([]))
    for suffix in ["", "/inventories", "/usages", "/allocations", "/aggregates", "/traits"] {
      let missing = try await cloud.get("/resource_providers/\(Identifier.uuid())" + suffix)
      #expect(missing.status == 404)
      #expect(missing.json["errors"]?.array?.first?["code"] == .string("placement.resource_provider.not_found"))
    }
  }

  @Test func whatAConsumerHolds() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.host("h")
    let server = Identifier.uuid()
    _ = try await cloud.claim(server)
    let allocations = try await cloud.get("/allocations/\(server)").json
    #expect(allocations["allocations"]?[id]?["resources"]?["MEMORY_MB"] == .int(1024))
    #expect(allocations["project_id"] == .string("p"))
    #expect(allocations["consumer_type"] == .string("INSTANCE"))
    #expect(try await cloud.get("/allocations/\(server)", "1.11").json["project_id"] == nil)
    #expect(try await cloud.get("/allocations/\(Identifier.uuid())").json == .object(["allocations": .object([:])]))
    #expect(try await cloud.get("/usages?project_id=p", "1.37").json["usages"]?["VCPU"] == .int(1))
    #expect(try await cloud.get("/usages?project_id=p").json["usages"]?["INSTANCE"]?["consumer_count"] == .int(1))
    #expect(try await cloud.get("/usages?project_id=p&user_id=other").json["usages"] == .object([:]))
    #expect(try await cloud.get("/usages").status == 400)
    #expect(try await cloud.get("/usages?project_id=p&x=1").status == 400)
    #expect(try await cloud.get("/usages?project_id=p", "1.8").status == 404)
  }

  @Test func candidates() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.host("h")
    let path = "/allocation_candidates?resources=VCPU:1,MEMORY_MB:100"
    let newest = try await cloud.get(path).json
    let request = newest["allocation_requests"]?.array?.first
    #expect(request?["allocations"]?[id]?["resources"] == .object(["VCPU": .int(1), "MEMORY_MB": .int(100)]))
    #expect(request?["mappings"]?[""] == .array([.string(id)]))
    #expect(newest["provider_summaries"]?[id]?["resources"]?["DISK_GB"]?["capacity"] == .int(100))
    #expect(newest["provider_summaries"]?[id]?["resources"]?["VCPU"]?["capacity"] == .int(16))
    let oldest = try await cloud.get(path, "1.10").json
    let first = oldest["allocation_requests"]?.array?.first?["allocations"]?.array?.first
    #expect(first?["resource_provider"]?["uuid"] == .string(id))
    #expect(oldest["provider_summaries"]?[id]?["resources"]?["DISK_GB"] == nil)
    #expect(try await cloud.get("/allocation_candidates?resources=VCPU:5").json["allocation_requests"] == .array([]))
    for query in ["", "?resources=", "?resources=VCPU:1&limit=0", "?resources=VCPU:1&limit=x", "?resources=VCPU:1&a=b"]
    {
      #expect(try await cloud.get("/allocation_candidates" + query).status == 400, "\(query)")
    }
  }

  @Test func words() async throws {
    let cloud = try await Fixture()
    let classes = try await cloud.get("/resource_classes").json["resource_classes"]?.array?.compactMap {
      $0["name"]?.string
    }
    #expect(classes == ["VCPU", "MEMORY_MB", "DISK_GB"])
    #expect(try await cloud.get("/resource_classes/VCPU").status == 200)
    #expect(try await cloud.get("/resource_classes/X").status == 404)
    #expect(try await cloud.get("/traits").json["traits"]?.array?.count == 1)
    #expect(try await cloud.get("/traits/COMPUTE_STATUS_DISABLED").status == 204)
    #expect(try await cloud.get("/traits/X").status == 404)
  }

  @Test func onlyAdministratorsReadAndNobodyWrites() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.host("h")
    for path in [
      "/resource_providers", "/resource_providers/\(id)", "/resource_providers/\(id)/inventories", "/traits",
      "/allocations/\(id)", "/usages?project_id=p", "/resource_classes", "/allocation_candidates?resources=VCPU:1",
    ] {
      #expect(try await cloud.get(path).status == 200)
      #expect(try await cloud.get(path, as: "member").status == 403)
      #expect(try await cloud.get(path, as: nil).status == 401)
      for method in ["POST", "PUT", "DELETE"] { #expect(try await cloud.get(path, method: method).status == 405) }
    }
  }
}
