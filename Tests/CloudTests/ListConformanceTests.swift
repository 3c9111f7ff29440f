import API
import Auth
import Kit
import Testing

@testable import Cloud

/// Every list of every service, walked page by page.
struct ListConformanceTests {
  private struct Page {
    var elements: [String]
    var next: String?
  }

  /// Pages join to the whole list in its order, whatever their size; `next` keeps every parameter; a list of no more
  /// elements ends.
  @Test func pagesJoinToTheWholeList() async throws {
    let two = try await TwoProjectsFixture()
    var walked = 0
    var long = 0
    for (service, route, _) in two.cloud.everyRoute
    where route.method == .get && ["limit", "marker"].allSatisfy(names(route).contains) {
      let target = two.target(service, route, parent: two.owner, child: two.owner)
      let headers = service.versions.map { [("OpenStack-API-Version", "\($0.serviceType) latest")] } ?? []
      for sort in sorts(route) {
        let whole = try await page(two, target + (sort.isEmpty ? "" : "?" + sort), headers)
        guard let whole else { continue }
        for limit in [1, 2] {
          let query = (sort.isEmpty ? "" : sort + "&") + "limit=\(limit)"
          let joined = try await walk(two, target + "?" + query, headers, limit, kept: query)
          #expect(joined == whole.elements, "\(target)?\(query)")
        }
        walked += 1
        if whole.elements.count > 2 { long += 1 }
      }
    }
    #expect(walked > 30)
    #expect(long > 8)
  }

  private func names(_ route: Route) -> Set<String> { Set(route.query.parameters.map(\.name)) }

  /// The list as it comes, and by two of its keys in both directions.
  private func sorts(_ route: Route) -> [String] {
    let key = route.query.parameters.first { $0.name == "sort_key" }
    guard case .choice(let keys)? = key?.kind else { return [""] }
    let some = ["name", "created_at", "id"].filter(keys.contains).prefix(2)
    return [""] + some.flatMap { key in ["asc", "desc"].map { "sort_key=\(key)&sort_dir=\($0)" } }
  }

  private func walk(
    _ two: TwoProjectsFixture, _ first: String, _ headers: [(name: String, value: String)], _ limit: Int,
    kept: String
  ) async throws -> [String] {
    var elements: [String] = []
    var target: String? = first
    for _ in 0..<500 {
      guard let asked = target, let page = try await page(two, asked, headers) else { return elements }
      #expect(page.elements.count <= limit, "\(asked)")
      elements += page.elements
      guard let next = page.next else { return elements }
      let path = String(next.trimmingPrefix("http://cloud"))
      target = path.hasPrefix("/v2/") ? "/image" + path : path
      for parameter in kept.split(separator: "&") {
        #expect(next.split(separator: "?").last?.split(separator: "&").contains(parameter) == true, "\(next)")
      }
      if page.elements.isEmpty { return elements }
    }
    Issue.record("\(first) never ends")
    return elements
  }

  /// nil where the list cannot be had as it is asked for.
  private func page(
    _ two: TwoProjectsFixture, _ target: String, _ headers: [(name: String, value: String)]
  ) async throws -> Page? {
    let reply = await two.cloud.send("GET", target, token: two.cloud.admin, headers: headers)
    guard reply.status == 200 else {
      // Nobody but its owner and readers of the system may see what an application credential may be used for.
      #expect(reply.status == (target.contains("/access_rules") ? 403 : 404), "\(target): \(reply.text)")
      return nil
    }
    let json = try #require(try JSONValue(parsing: reply.text).object, "\(target)")
    let lists = json.filter { !$0.key.hasSuffix("links") && $0.value.array != nil }
    let list = try #require(lists.first?.value.array, "\(target): \(reply.text.prefix(200))")
    return Page(elements: list.map(Self.name), next: Self.next(json))
  }

  /// What tells an element from its neighbours.
  private static func name(_ element: JSONValue) -> String {
    for name in ["id", "uuid", "number"] {
      if let id = element[name] { return id.text }
    }
    return element["keypair"]?["name"]?.text ?? element.text
  }

  /// The next page's address, in the three ways that OpenStack has.
  private static func next(_ json: [String: JSONValue]) -> String? {
    if let plain = json["next"]?.string { return plain }
    if let keystone = json["links"]?["next"]?.string { return keystone }
    let links = json.first { $0.key.hasSuffix("_links") }?.value.array ?? []
    return links.first { $0["rel"]?.string == "next" }?["href"]?.string
  }
}
