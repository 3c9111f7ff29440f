/// Finds a service's routes by path: a tree of segments, literal ones before `{names}`.
struct RouteTable: Sendable {
  struct Match {
    /// Routes of this path, whatever their method and versions.
    var routes: [Route]
    var parameters: [String: String]
  }

  private final class Node: Sendable {
    let literals: [String: Node]
    let parameter: Node?
    let routes: [Route]

    /// `paths`: each route with the segments of its path that are left below this node.
    init(_ paths: [(segments: ArraySlice<Substring>, route: Route)]) {
      routes = paths.filter { $0.segments.isEmpty }.map(\.route)
      let deeper = Dictionary(grouping: paths.filter { !$0.segments.isEmpty }) { path in
        path.segments.first.map { $0.hasPrefix("{") ? "{}" : String($0) } ?? ""
      }.mapValues { group in Node(group.map { ($0.segments.dropFirst(), $0.route) }) }
      parameter = deeper["{}"]
      literals = deeper.filter { $0.key != "{}" }
    }
  }

  private let root: Node

  init(_ routes: [Route]) { root = Node(routes.map { ($0.path.split(separator: "/")[...], $0) }) }

  /// The routes of a path given by its decoded segments; nil where there are none.
  func match(_ segments: [String]) -> Match? {
    guard let (node, values) = find(segments[...], from: root) else { return nil }
    // Routes of one path may name its values differently; each name gets the value of its place.
    var parameters: [String: String] = [:]
    for route in node.routes {
      let names = route.path.split(separator: "/").filter { $0.hasPrefix("{") }.map { $0.dropFirst().dropLast() }
      for (name, value) in zip(names, values) { parameters[String(name)] = value }
    }
    return Match(routes: node.routes, parameters: parameters)
  }

  private func find(_ segments: ArraySlice<String>, from node: Node) -> (Node, [String])? {
    guard let first = segments.first else { return node.routes.isEmpty ? nil : (node, []) }
    if let next = node.literals[first], let found = find(segments.dropFirst(), from: next) { return found }
    if let next = node.parameter, let (found, values) = find(segments.dropFirst(), from: next) {
      return (found, [first] + values)
    }
    return nil
  }
}
