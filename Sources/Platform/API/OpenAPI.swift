import Auth
import Kit

/// A service's routes as an OpenAPI 3.1 document, from their declarations alone.
public struct OpenAPI: Sendable {
  private let service: ServiceAPI
  private let baseURL: String

  /// `baseURL` is the cloud's, without the service's prefix.
  public init(_ service: ServiceAPI, baseURL: String) {
    self.service = service
    self.baseURL = baseURL
  }

  /// The document as JSON text.
  public var json: [UInt8] {
    var json = JSONWriter(capacity: 256 * 1024)
    json.object { json in
      json.field("openapi", "3.1.0")
      json.field("jsonSchemaDialect", "https://json-schema.org/draft/2020-12/schema")
      json.field("info") {
        $0.field("title", "Haneul: \(service.prefix)")
        $0.field("version", service.versions?.maximum.description ?? "1")
      }
      json.field("servers", [service.prefix]) { json, prefix in
        json.object { $0.field("url", "\(baseURL)/\(prefix)") }
      }
      json.field("security", [Self.token]) { json, scheme in json.object { $0.field(scheme, [String]()) } }
      json.field("paths") { json in
        for (path, routes) in paths { json.field(path) { operations(&$0, routes, path) } }
      }
      json.field("components") { components(&$0) }
    }
    return json.bytes
  }

  private static let token = "token"

  /// Routes by path. Paths that differ in nothing but their values' names are one.
  private var paths: [(path: String, routes: [Route])] {
    var names: [String: String] = [:]
    var grouped: [String: [Route]] = [:]
    for route in service.routes {
      let shape = Self.segments(route.path).map { $0.hasPrefix("{") ? "{}" : $0 }.joined(separator: "/")
      let path = names[shape] ?? route.path
      names[shape] = path
      grouped[path, default: []].append(route)
    }
    return grouped.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  private static func segments(_ path: String) -> [String] { path.split(separator: "/").map(String.init) }

  private func operations(_ json: inout JSONWriter, _ routes: [Route], _ path: String) {
    // Of several with one method, the one that came last is described.
    let latest = Dictionary(grouping: routes, by: \.method).compactMapValues { same in
      same.max { ($0.since ?? Microversion(0, 0)) < ($1.since ?? Microversion(0, 0)) }
    }
    for (method, route) in latest.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
      json.field(method.rawValue.lowercased()) { operation(&$0, route, path) }
    }
  }

  private func operation(_ json: inout JSONWriter, _ route: Route, _ path: String) {
    let words = Self.segments(path).map { $0.filter { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "." } }
    json.field("operationId", ([route.method.rawValue.lowercased()] + words).joined(separator: "-"))
    json.field("summary", route.permission.name)
    if let group = words.dropFirst().first { json.field("tags", [group]) }
    if route.permission.rule == .open { json.field("security", [String]()) }
    json.field("x-haneul-permission") {
      $0.field("name", route.permission.name)
      $0.field("rule", "\(route.permission.rule)")
    }
    json.field("x-haneul-limits") { if route.body.isParsed { $0.field("body_bytes", route.bytesMax) } }
    microversions(&json, route.since, route.until)
    json.field("x-haneul-other-parameters", route.query.others.word)
    json.key("parameters")
    json.beginArray()
    pathParameters(&json, path)
    versionParameter(&json)
    queryParameters(&json, route)
    json.endArray()
    requestBody(&json, route)
    json.field("responses") { json in
      json.field("default") {
        $0.field("description", "The answer, or a fault in the service's own shape.")
      }
      json.field("4XX") { $0.field("$ref", "#/components/responses/Fault") }
    }
  }

  private func microversions(_ json: inout JSONWriter, _ since: Microversion?, _ until: Microversion?) {
    if let since { json.field("x-openstack-min-version", since.description) }
    if let until { json.field("x-openstack-max-version", until.description) }
  }

  private func pathParameters(_ json: inout JSONWriter, _ path: String) {
    for segment in Self.segments(path) where segment.hasPrefix("{") {
      json.element()
      json.object {
        $0.field("name", String(segment.dropFirst().dropLast()))
        $0.field("in", "path")
        $0.field("required", true)
        $0.field("schema") { $0.field("type", "string") }
      }
    }
  }

  private func versionParameter(_ json: inout JSONWriter) {
    guard let range = service.versions else { return }
    json.element()
    json.object {
      $0.field("name", "OpenStack-API-Version")
      $0.field("in", "header")
      $0.field(
        "description", "\(range.serviceType) \(range.minimum) to \(range.maximum), or \(range.serviceType) latest")
      $0.field("schema") { $0.field("type", "string") }
    }
  }

  private func queryParameters(_ json: inout JSONWriter, _ route: Route) {
    for (name, variants) in Dictionary(grouping: route.query.parameters, by: \.name).sorted(by: { $0.key < $1.key }) {
      guard let parameter = variants.first else { continue }
      json.element()
      json.object { json in
        json.field("name", name)
        json.field("in", "query")
        if parameter.required { json.field("required", true) }
        if parameter.since != nil || parameter.until != nil { microversions(&json, parameter.since, parameter.until) }
        json.field("schema", parameter.kind.schema.value)
      }
    }
  }

  private func requestBody(_ json: inout JSONWriter, _ route: Route) {
    switch route.body {
    case .unread: return
    case .stream:
      json.field("requestBody") { json in
        json.field("required", true)
        json.field("content") { $0.field("application/octet-stream") { _ in } }
      }
    case .needed(let shape), .optional(let shape):
      json.field("requestBody") { json in
        if case .needed = route.body { json.field("required", true) }
        json.field("content") { json in json.field("application/json") { $0.field("schema", shape.schema.value) } }
      }
    }
  }

  private func components(_ json: inout JSONWriter) {
    json.field("securitySchemes") { json in
      json.field(Self.token) {
        $0.field("type", "apiKey")
        $0.field("in", "header")
        $0.field("name", "X-Auth-Token")
      }
    }
    json.field("responses") { json in
      json.field("Fault") { json in
        json.field("description", "What was wrong, in the service's own shape.")
        json.field("content") { json in
          json.field(service.faultStyle.mediaType) { $0.field("schema", service.faultStyle.schema.value) }
        }
      }
    }
  }
}

extension QueryShape.Others {
  /// What becomes of parameters that are not declared, in a word or two.
  public var word: String {
    switch self {
    case .ignored: "ignored"
    case .refused: "refused"
    case .refusedSince(let version): "refused since \(version)"
    case .filters: "filters"
    }
  }
}
