import API
import Foundation
import Kit
import Testing

@testable import Cloud

/// Long lists, walked page by page in both directions by the links that they give.
struct PagingTests {
  private struct Page {
    var elements: [String]
    var next: String?
    var previous: String?
  }

  /// More of what a list may hold, with values that many share, so that only the order of ids tells them apart.
  private static func furnished() async throws -> TwoProjectsFixture {
    let two = try await TwoProjectsFixture()
    func make(_ target: String, _ body: String) async throws {
      let reply = await two.cloud.send("POST", target, token: two.cloud.admin, body: body)
      try #require(reply.status < 300, "\(target): \(reply.text)")
    }
    for number in 0..<5 {
      try await make("/network/v2.0/networks", #"{"network": {"name": "same", "mtu": \#(1400 + number % 2)}}"#)
      try await make("/network/v2.0/routers", #"{"router": {"name": "same"}}"#)
      try await make("/network/v2.0/security-groups", #"{"security_group": {"name": "same \#(number % 2)"}}"#)
      try await make(
        "/image/v2/images", #"{"name": "same", "min_disk": \#(number % 2), "tags": ["kept"]}"#)
      try await make(
        "/network/v2.0/ports",
        #"{"port": {"name": "same", "network_id": "\#(two.owner.ids["networks"] ?? "")"}}"#)
      try await make(
        "/compute/v2.1/flavors",
        #"{"flavor": {"name": "same-\#(number)", "ram": \#(64 + number % 2), "vcpus": 1, "disk": 1}}"#)
    }
    return two
  }

  private static func parameter(_ route: Route, _ name: String) -> QueryShape.Parameter? {
    route.query.parameters.first { $0.name == name }
  }

  /// A list as it comes, and by each of its keys, up and down in turns; and by two keys at once.
  private static func sorts(_ route: Route) -> [String] {
    guard case .choice(let keys)? = parameter(route, "sort_key")?.kind else { return [""] }
    let single = keys.enumerated().map { place, key in
      "sort_key=\(key.encoded)&sort_dir=\(place.isMultiple(of: 2) ? "desc" : "asc")"
    }
    guard keys.contains("name"), let other = keys.first(where: { $0 != "name" && $0 != "id" }) else {
      return [""] + single
    }
    return [""] + single + ["sort_key=name&sort_dir=asc&sort_key=\(other.encoded)&sort_dir=desc"]
  }

  @Test func neutronsListsGoForthAndBack() async throws {
    let two = try await Self.furnished()
    var long = 0
    for (service, route, _) in two.cloud.everyRoute
    where route.method == .get && Self.parameter(route, "page_reverse") != nil && !route.path.hasSuffix(".json") {
      let target = two.target(service, route, parent: two.owner, child: two.owner)
      let filter = Self.parameter(route, "admin_state_up") == nil ? "" : "admin_state_up=true&"
      for sort in Self.sorts(route) {
        let query = filter + (sort.isEmpty ? "" : sort + "&")
        guard let whole = try await Self.page(two, target + "?" + query) else { continue }
        #expect(whole.next == nil && whole.previous == nil, "\(target)?\(query)")
        for limit in [1, 3] where limit == 3 || sort.isEmpty {
          let first = target + "?" + query + "limit=\(limit)"
          let forth = try await Self.walk(two, first, limit, \.next)
          #expect(forth.flatMap(\.elements) == whole.elements, "\(first)")
          #expect(forth.first?.previous == nil && forth.last?.next == nil, "\(first)")
          // Back from the last page, as its link says.
          let start = forth.last?.previous
          let back = try await Self.walk(two, start, limit, \.previous)
          let joined = back.reversed().flatMap(\.elements) + (forth.last?.elements ?? [])
          #expect(joined == whole.elements, "back: \(first)")
          if forth.count > 1 { #expect(back.last?.previous == nil && back.last?.next != nil, "\(first)") }
          guard sort.isEmpty || sort.contains("name") else { continue }
          // From the end, without a place to begin at.
          let reversed = try await Self.walk(two, first + "&page_reverse=true", limit, \.previous)
          #expect(reversed.reversed().flatMap(\.elements) == whole.elements, "reverse: \(first)")
        }
        if whole.elements.count > 4 { long += 1 }
      }
    }
    #expect(long > 40)
  }

  /// Images, flavors and servers have pages that only go forth.
  @Test func otherListsGoForthByEachKey() async throws {
    let two = try await Self.furnished()
    var long = 0
    let filters = ["/image/v2/images": "tag=kept&", "/compute/v2.1/flavors": "minRam=1&"]
    for (service, route, _) in two.cloud.everyRoute
    where ["image", "compute"].contains(service.prefix) && route.method == .get
      && ["limit", "marker", "sort_key"].allSatisfy({ Self.parameter(route, $0) != nil })
    {
      let target = two.target(service, route, parent: two.owner, child: two.owner)
      for sort in Self.sorts(route) where !sort.contains("&sort_key=") || service.prefix == "image" {
        let query = (filters[target] ?? "") + (sort.isEmpty ? "" : sort + "&")
        guard let whole = try await Self.page(two, target + "?" + query) else { continue }
        let pages = try await Self.walk(two, target + "?" + query + "limit=3", 3, \.next)
        #expect(pages.flatMap(\.elements) == whole.elements, "\(target)?\(query)")
        if whole.elements.count > 4 { long += 1 }
      }
    }
    #expect(long > 10)
  }

  /// The pages from `target` on. Every link keeps what was asked for.
  private static func walk(
    _ two: TwoProjectsFixture, _ target: String?, _ limit: Int, _ link: KeyPath<Page, String?>
  ) async throws -> [Page] {
    var pages: [Page] = []
    var target = target
    let asked = Set((target ?? "").parameters.filter { !$0.hasPrefix("marker=") && !$0.hasPrefix("page_reverse=") })
    for _ in 0..<200 {
      guard let current = target, let page = try await page(two, current) else { return pages }
      #expect(page.elements.count <= limit, "\(current)")
      pages.append(page)
      for neighbour in [page.next, page.previous].compactMap({ $0 }) {
        #expect(asked.isSubset(of: neighbour.parameters), "\(current) leads to \(neighbour)")
      }
      target = page[keyPath: link]
    }
    Issue.record("\(target ?? "") never ends")
    return pages
  }

  /// nil where the list is refused as it is asked for: a key may belong to an administrator's list alone.
  private static func page(_ two: TwoProjectsFixture, _ target: String) async throws -> Page? {
    let path = target.hasPrefix("/v2/") ? "/image" + target : target
    let reply = await two.cloud.send("GET", path, token: two.cloud.admin)
    guard reply.status == 200 else {
      #expect([403, 404].contains(reply.status), "\(path): \(reply.text)")
      return nil
    }
    let json = try #require(try JSONValue(parsing: reply.text).object, "\(path)")
    let list = try #require(json.first { !$0.key.hasSuffix("links") && $0.value.array != nil }?.value.array)
    let links = json.first { $0.key.hasSuffix("_links") }?.value.array ?? []
    func link(_ rel: String) -> String? {
      let found =
        links.first { $0["rel"]?.string == rel }?["href"]?.string ?? (rel == "next" ? json["next"]?.string : nil)
      return found.map { String($0.trimmingPrefix("http://cloud")) }
    }
    let names = list.map { element in
      ["id", "uuid", "name"].compactMap { element[$0]?.text }.first ?? element.text
    }
    return Page(elements: names, next: link("next"), previous: link("previous"))
  }
}

extension String {
  fileprivate var encoded: String { addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? self }

  /// What stands behind `?`, decoded.
  fileprivate var parameters: Set<String> {
    guard let query = split(separator: "?", maxSplits: 1).dropFirst().first else { return [] }
    return Set(query.split(separator: "&").map { $0.removingPercentEncoding ?? String($0) })
  }
}
