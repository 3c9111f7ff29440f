/// A route with what is needed of it for each request, worked out once.
final class MountedRoute: Sendable {
  let route: Route
  /// As observers know it.
  let label: AnsweredRequest.RouteName
  /// Names of the path's values, in order.
  let names: [String]

  init(_ route: Route, number: Int) {
    self.route = route
    label = .init(number: number, method: route.method, path: route.path, permission: route.permission)
    names = route.path.split(separator: "/").filter { $0.hasPrefix("{") }.map { String($0.dropFirst().dropLast()) }
  }
}

/// Finds a service's routes by path: a tree of segments, literal ones before `{names}`.
struct RouteTable: Sendable {
  struct Match {
    /// Routes of this path, whatever their method and versions.
    let routes: [MountedRoute]
    /// What stands at the places of the path's `{names}`.
    let values: [String]

    /// The route's own names with the values of their places: routes of one path may name them differently.
    func parameters(of mounted: MountedRoute) -> [String: String] {
      if values.isEmpty { return [:] }
      return Dictionary(zip(mounted.names, values), uniquingKeysWith: { first, _ in first })
    }
  }

  private final class Node: Sendable {
    let literals: [String: Node]
    let parameter: Node?
    let routes: [MountedRoute]

    /// `paths`: each route with the segments of its path that are left below this node.
    init(_ paths: [(segments: ArraySlice<Substring>, route: MountedRoute)]) {
      routes = paths.filter { $0.segments.isEmpty }.map(\.route)
      let deeper = Dictionary(grouping: paths.filter { !$0.segments.isEmpty }) { path in
        path.segments.first.map { $0.hasPrefix("{") ? "{}" : String($0) } ?? ""
      }.mapValues { group in Node(group.map { ($0.segments.dropFirst(), $0.route) }) }
      parameter = deeper["{}"]
      literals = deeper.filter { $0.key != "{}" }
    }
  }

  private let root: Node

  /// Numbers the routes from `first` on.
  init(_ routes: [Route], numberedFrom first: Int = 0) {
    root = Node(
      routes.enumerated().map { place, route in
        (route.path.split(separator: "/")[...], MountedRoute(route, number: first + place))
      })
  }

  /// The routes of a path given by its decoded segments, from the place `start` on; nil where there are none.
  func match(_ segments: [String], from start: Int = 0) -> Match? {
    var values: [String] = []
    guard let node = Self.find(segments, start, root, &values) else { return nil }
    return Match(routes: node.routes, values: values)
  }

  private static func find(_ segments: [String], _ place: Int, _ node: Node, _ values: inout [String]) -> Node? {
    guard place < segments.count else { return node.routes.isEmpty ? nil : node }
    let segment = segments[place]
    if let next = node.literals[segment], let found = find(segments, place + 1, next, &values) { return found }
    guard let next = node.parameter else { return nil }
    let depth = values.count
    values.append(segment)
    if let found = find(segments, place + 1, next, &values) { return found }
    values.removeSubrange(depth...)
    return nil
  }
}
