import Synchronization

/// What one request's handler has read of query and body without having declared it. Only debug builds look, so every
/// test does: such a request ends with an error that names the parameter.
final class UndeclaredReads: Sendable {
  let route: Route
  private let found = Mutex<[String]>([])

  private init(_ route: Route) { self.route = route }

  /// nil in a release build.
  static func watching(_ route: Route) -> UndeclaredReads? {
    #if DEBUG
      UndeclaredReads(route)
    #else
      nil
    #endif
  }

  func noteParameter(_ name: String) {
    guard !route.query.declares(name) else { return }
    found.withLock { $0.append("query parameter \(name)") }
  }

  func noteMember(_ path: String) { found.withLock { $0.append("member \(path)") } }

  /// Throws where something was read that is not declared.
  func finish() throws {
    let found = found.withLock { $0 }
    guard found.isEmpty else { throw UndeclaredRead(route: "\(route.method.rawValue) \(route.path)", what: found) }
  }
}

/// A handler reads what its route does not declare: a mistake in the program.
struct UndeclaredRead: Error, CustomStringConvertible {
  let route: String
  let what: [String]

  var description: String { "\(route) reads \(what.joined(separator: ", ")) without declaring it" }
}
