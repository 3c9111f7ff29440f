import API
import Kit

/// The JSON-home document: where each kind of resource is, by the name of its relation. Only what is served is told.
struct JSONHome: Sendable {
  static let mediaType = "application/json-home"
  private static let root = "https://docs.openstack.org/api/openstack-identity/3/"

  private struct Resource: Sendable {
    let relation: String
    /// Below the version's own address, `{name}` for a value.
    let path: String
    /// Values of the path with their relations.
    let parameters: [(name: String, relation: String)]
    let isExperimental: Bool
  }
  private let resources: [Resource]

  /// `paths` are those of all routes, from `/v3` on; what their values are called does not matter.
  init(servedAt paths: [String]) {
    let served = Set(paths.map(Self.unnamed))
    resources = JSONHomeResources.paths.flatMap { extensionName, relations in
      relations.compactMap { relation, path in
        guard served.contains(Self.unnamed("/v3" + path)) else { return nil }
        return Resource(
          relation: Self.relation("rel", relation, extensionName), path: path,
          parameters: Self.names(path).map { ($0, Self.parameterRelation($0)) },
          isExperimental: extensionName.isEmpty && JSONHomeResources.experimental.contains(relation))
      }
    }
  }

  private static func relation(_ kind: String, _ name: String, _ extensionName: String) -> String {
    root + (extensionName.isEmpty ? "" : "ext/\(extensionName)/1.0/") + "\(kind)/\(name)"
  }

  private static func parameterRelation(_ name: String) -> String {
    relation(
      "param", JSONHomeResources.parametersRenamed[name] ?? name, JSONHomeResources.parametersOfExtensions[name] ?? "")
  }

  private static func names(_ path: String) -> [String] {
    path.split(separator: "/").filter { $0.hasPrefix("{") }.map { String($0.dropFirst().dropLast()) }
  }

  private static func unnamed(_ path: String) -> String {
    path.split(separator: "/").map { $0.hasPrefix("{") ? "{}" : $0 }.joined(separator: "/")
  }

  /// The document; `prefix` stands before each path.
  func reply(prefix: String) -> Reply {
    var json = JSONWriter(capacity: 32 * 1024)
    json.object {
      $0.field("resources") { json in
        for resource in resources { Self.write(&json, resource, prefix) }
      }
    }
    return Reply(status: 200, body: .bytes(json.takeBytes(), contentType: Self.mediaType))
  }

  private static func write(_ json: inout JSONWriter, _ resource: Resource, _ prefix: String) {
    json.field(resource.relation) { json in
      json.field(resource.parameters.isEmpty ? "href" : "href-template", prefix, resource.path)
      if !resource.parameters.isEmpty {
        json.field("href-vars") { json in
          for parameter in resource.parameters { json.field(parameter.name, parameter.relation) }
        }
      }
      if resource.isExperimental { json.field("hints") { $0.field("status", "experimental") } }
    }
  }
}

extension Call {
  /// Whether the client would rather have JSON-home than JSON.
  var prefersJSONHome: Bool {
    guard let accepted = header("Accept") else { return false }
    let ranges = accepted.split(separator: ",").prefix(Self.rangesMax).map(AcceptRange.init)
    func quality(_ type: String) -> Double {
      ranges.filter { $0.matches(type) }.max { $0.precision < $1.precision }?.quality ?? 0
    }
    return quality(JSONHome.mediaType) > quality("application/json")
  }

  /// Parts of an `Accept` that are looked at.
  private static let rangesMax = 32
}

/// One part of an `Accept`: `application/json;q=0.5`.
private struct AcceptRange {
  let type: String
  let quality: Double

  init(_ text: Substring) {
    let parts = text.split(separator: ";").map { $0.filter { !$0.isWhitespace }.lowercased() }
    type = parts.first ?? ""
    quality = parts.dropFirst().first { $0.hasPrefix("q=") }.map { Double($0.dropFirst(2)) ?? 0 } ?? 1
  }

  /// How exactly it names a type.
  var precision: Int { type == "*/*" ? 0 : type.hasSuffix("/*") ? 1 : 2 }

  func matches(_ wanted: String) -> Bool {
    type == wanted || type == "*/*" || type.hasSuffix("/*") && wanted.hasPrefix(type.dropLast())
  }
}
