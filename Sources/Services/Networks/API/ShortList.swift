import API
import Kit

/// One page of a list that is short enough to be held: sorted, and with links to its neighbours.
struct ShortList<Element> {
  let elements: [Element]
  private let links: [(rel: String, href: String)]

  /// `keys` are what a list may be sorted by; `id` tells an element from the others and is its marker. Throws `Fault`
  /// 400 for a marker that names none.
  init(_ call: Call, _ all: [Element], id: (Element) -> String, keys: [String: (Element) -> String]) throws {
    let query = call.query
    var sorted = all.sorted { id($0) < id($1) }
    let directions = query.all("sort_dir")
    // The first key weighs most; a stable sort from the last to the first keeps that.
    for (index, name) in query.all("sort_key").enumerated().reversed() {
      guard let key = keys[name] else { continue }
      let down = index < directions.count && directions[index] == "desc"
      let order = sorted.enumerated().sorted { left, right in
        let (a, b) = (key(left.element), key(right.element))
        return a == b ? left.offset < right.offset : down ? a > b : a < b
      }
      sorted = order.map(\.element)
    }
    let reverse = try query.bool("page_reverse") ?? false
    if reverse { sorted.reverse() }
    let marker = query["marker"].flatMap { $0.isEmpty ? nil : $0 }
    if let marker {
      guard let place = sorted.firstIndex(where: { id($0) == marker }) else {
        throw Fault.badRequest("marker \(marker.quoted) names none.", type: "HTTPBadRequest")
      }
      sorted.removeFirst(place + 1)
    }
    let limit = try query.natural("limit").flatMap { $0 == 0 ? nil : $0 }
    let more = limit.map { sorted.count > $0 } ?? false
    var page = Array(sorted.prefix(limit ?? sorted.count))
    if reverse { page.reverse() }
    var links: [(rel: String, href: String)] = []
    if limit != nil, reverse ? marker != nil : more, let last = page.last {
      links.append(("next", call.networkPage(marker: id(last), reverse: false)))
    }
    if limit != nil, reverse ? more : marker != nil, let first = page.first {
      links.append(("previous", call.networkPage(marker: id(first), reverse: true)))
    }
    elements = page
    self.links = links
  }

  /// `"<name>": […]`, and `"<name>_links"` where there are neighbours.
  func write(_ json: inout JSONWriter, _ name: String, _ body: (inout JSONWriter, Element) -> Void) {
    json.field(name, elements, body)
    json.pageLinks(name, links)
  }
}

extension Call {
  /// The address of a neighbouring page, with every filter kept.
  func networkPage(marker: String, reverse: Bool) -> String {
    let parts = nextPage(marker: marker).split(separator: "?", maxSplits: 1).map(String.init)
    let kept = (parts.count > 1 ? parts[1] : "").split(separator: "&").filter { !$0.hasPrefix("page_reverse=") }
    let query = kept.map(String.init) + (reverse ? ["page_reverse=True"] : [])
    return parts[0] + "?" + query.joined(separator: "&")
  }
}

extension JSONWriter {
  /// `"<name>_links"`; nothing where there are none.
  mutating func pageLinks(_ name: String, _ links: [(rel: String, href: String)]) {
    guard !links.isEmpty else { return }
    field("\(name)_links", links) { json, link in
      json.object {
        $0.field("rel", link.rel)
        $0.field("href", link.href)
      }
    }
  }
}
