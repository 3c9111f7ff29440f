import Kit
import Testing

/// Keystone's inexact filters, and its filters by tags.
struct FilterTests {
  private static func encoded(_ text: String) -> String {
    text.utf8.map { "%" + String(UInt16($0) | 0x100, radix: 16, uppercase: true).dropFirst() }.joined()
  }

  /// Names found by one filter, of those that a test made.
  private static func found(_ cloud: Fixture, _ list: String, _ filter: String, _ value: String) async throws
    -> [String]
  {
    let token = try await cloud.admin()
    let answer = await cloud.send("GET", "/v3/\(list)?\(filter)=\(encoded(value))", token: token)
    #expect(answer.status == 200, "\(filter)")
    return (answer.json[list]?.array ?? []).compactMap { $0["name"]?.string }.filter { $0.hasPrefix("T") }.sorted()
  }

  private static let made = ["T-Alpha", "T-alpha%", "T_Beta", "T\\back", "T-naïve"]

  @Test(arguments: [
    ("name__contains", "alpha", ["T-alpha%"]), ("name__icontains", "ALPHA", ["T-Alpha", "T-alpha%"]),
    ("name__contains", "%", ["T-alpha%"]), ("name__contains", "_", ["T_Beta"]), ("name__contains", "\\", ["T\\back"]),
    ("name__startswith", "T-A", ["T-Alpha"]), ("name__istartswith", "t-a", ["T-Alpha", "T-alpha%"]),
    ("name__startswith", "T_", ["T_Beta"]), ("name__startswith", "Alpha", []),
    ("name__endswith", "a", ["T-Alpha", "T_Beta"]), ("name__iendswith", "PHA", ["T-Alpha"]),
    ("name__endswith", "ïve", ["T-naïve"]), ("name__endswith", "far longer than any of the names is", []),
    ("name__contains", "'; DROP TABLE identity_user; --", []), ("name__contains", "$1", []),
    // What Keystone does not know filters nothing, and neither does nothing.
    ("name__contains", "", ["T-Alpha", "T-alpha%", "T-naïve", "T\\back", "T_Beta"]), ("name", "T_Beta", ["T_Beta"]),
  ])
  func inexactFilters(filter: String, value: String, expected: [String]) async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    for name in Self.made {
      let quoted = JSONValue.string(name).text
      _ = try await cloud.make("/v3/projects", "{\"project\": {\"name\": \(quoted)}}", token: admin)
      _ = try await cloud.make("/v3/users", "{\"user\": {\"name\": \(quoted)}}", token: admin)
      _ = try await cloud.make("/v3/roles", "{\"role\": {\"name\": \(quoted)}}", token: admin)
    }
    for list in ["projects", "users", "roles"] {
      #expect(try await Self.found(cloud, list, filter, value) == expected, "\(list)?\(filter)=\(value)")
    }
  }

  @Test func everyListHasThem() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    _ = try await cloud.make("/v3/groups", #"{"group": {"name": "Tgroup"}}"#, token: admin)
    _ = try await cloud.make("/v3/domains", #"{"domain": {"name": "Tdomain"}}"#, token: admin)
    #expect(try await Self.found(cloud, "groups", "name__icontains", "GROUP") == ["Tgroup"])
    #expect(try await Self.found(cloud, "domains", "name__endswith", "main") == ["Tdomain"])
    let services = await cloud.send("GET", "/v3/services?type__startswith=ident", token: admin)
    #expect(services.json["services"]?.array?.compactMap { $0["type"]?.string } == ["identity"])
    let regions = await cloud.send("GET", "/v3/regions?parent_region_id__contains=x", token: admin)
    #expect(regions.json["regions"]?.array?.isEmpty == true)
    // An unknown comparator filters nothing; two filters both count.
    let all = await cloud.send("GET", "/v3/users", token: admin).ids("users")
    #expect(await cloud.send("GET", "/v3/users?name__soundslike=x", token: admin).ids("users") == all)
    let both = await cloud.send("GET", "/v3/users?name__contains=d&name__startswith=adm", token: admin)
    #expect(both.json["users"]?.array?.compactMap { $0["name"]?.string } == ["admin"])
    // Nobody is of an identity provider, or has a password that ends.
    for filter in ["idp_id=x", "unique_id=x", "protocol_id=x", "password_expires_at=lt:2030-01-01T00:00:00Z"] {
      #expect(await cloud.send("GET", "/v3/users?\(filter)", token: admin).ids("users") == [], "\(filter)")
    }
  }

  @Test(arguments: [
    ("tags=a,b", ["Tab", "Tabc"]), ("tags-any=b,c", ["Tab", "Tabc", "Tc"]), ("not-tags=a,b", ["Ta", "Tc", "Tnone"]),
    ("not-tags-any=a,b", ["Tc", "Tnone"]), ("tags-any=a,c&not-tags=a,c", ["Ta", "Tab", "Tc"]),
    ("tags=a&not-tags-any=c", ["Ta", "Tab"]), ("not-tags=z", ["Ta", "Tab", "Tabc", "Tc", "Tnone"]),
    ("tags-any=z", []), ("not-tags-any=a&name__contains=n", ["Tnone"]),
  ])
  func filtersByTags(query: String, expected: [String]) async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    for (name, tags) in [("Ta", ["a"]), ("Tab", ["a", "b"]), ("Tabc", ["a", "b", "c"]), ("Tc", ["c"]), ("Tnone", [])] {
      let list = JSONValue.array(tags.map { .string($0) }).text
      _ = try await cloud.make(
        "/v3/projects", "{\"project\": {\"name\": \"\(name)\", \"tags\": \(list)}}", token: admin)
    }
    let answer = await cloud.send("GET", "/v3/projects?\(query)", token: admin)
    let names = (answer.json["projects"]?.array ?? []).compactMap { $0["name"]?.string }
    #expect(names.filter { $0.hasPrefix("T") }.sorted() == expected, "\(query)")
  }
}
