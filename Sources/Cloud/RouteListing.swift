import API
import Auth
import Foundation
import Kit

/// What `haneul routes` tells: every route as it is declared.
public struct RouteListing {
  private let gateway: Gateway

  /// The routes of a cloud that is made for this alone, in a folder that goes again.
  public init() async throws {
    let folder = FileManager.default.temporaryDirectory.path() + "/haneul-routes-" + Identifier.uuid()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let state = StateDirectory(folder)
    try state.prepare(controlUser: SystemUser(uid: getuid(), gid: getgid()))
    let settings = try CloudOptions(host: nil, port: nil, externalCIDR: nil, externalMasquerade: nil)
      .settings(existing: nil)
    gateway = try await Services(state: state, settings: settings, logger: ProcessLog.ofCommand("routes")).gateway
  }

  private var sorted: [(path: String, route: Route)] {
    gateway.routes.map { service, route in ("/\(service.prefix)\(route.path == "/" ? "" : route.path)", route) }
      .sorted { ($0.path, $0.route.method.rawValue) < ($1.path, $1.route.method.rawValue) }
  }

  /// One a line: path, method, microversions, permission, parameters of the query, what becomes of others, body.
  public var lines: [String] {
    sorted.map { path, route in
      let range = [route.since.map { "from \($0)" }, route.until.map { "to \($0)" }].compactMap { $0 }
      let names = Set(route.query.parameters.map(\.name)).sorted().joined(separator: ",")
      let words =
        [path, route.method.rawValue] + range + [route.permission.name, "(\(route.permission.rule))"]
        + [names.isEmpty ? nil : "query: \(names);", "others \(route.query.others.word)", Self.body(route)]
        .compactMap { $0 }
      return words.joined(separator: " ")
    }
  }

  private static func body(_ route: Route) -> String? {
    switch route.body {
    case .unread: nil
    case .stream: "body: bytes"
    case .needed, .optional: "body: JSON of at most \(route.bytesMax) bytes"
    }
  }

  /// The same as JSON: an array of objects.
  public var json: String {
    var json = JSONWriter()
    json.array(sorted) { json, each in
      let (path, route) = each
      json.object { json in
        json.field("path", path)
        json.field("method", route.method.rawValue)
        json.field("since", route.since?.description)
        json.field("until", route.until?.description)
        json.field("permission", route.permission.name)
        json.field("rule", "\(route.permission.rule)")
        json.field("query", Set(route.query.parameters.map(\.name)).sorted())
        json.field("other_parameters", route.query.others.word)
        json.field("body", Self.body(route))
        json.field("body_bytes_max", route.body.isParsed ? route.bytesMax : nil)
      }
    }
    return String(decoding: json.bytes, as: UTF8.self)
  }

  /// A service's OpenAPI 3.1 document. Throws `CloudProblem` for a service that there is not.
  public func openAPI(_ name: String) throws -> String {
    let services = gateway.routes.map(\.service)
    guard let service = services.first(where: { $0.prefix == name }) else {
      let known = Set(services.map(\.prefix)).sorted().joined(separator: ", ")
      throw CloudProblem("There is no service \(name). There are \(known).")
    }
    return String(
      decoding: OpenAPI(service, baseURL: "http://127.0.0.1:\(CloudOptions.defaultPort)").json, as: UTF8.self)
  }
}
