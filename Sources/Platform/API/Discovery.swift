public import Auth
import Kit

/// A version of an API, as discovery documents show it.
public struct APIVersion: Sendable {
  public var id: String
  public var status: String
  /// Where it is, below the service's root: `/v3/`; nil where clients are to stay where they are.
  public var path: String?
  /// When it last changed, in ISO 8601; nil is left out.
  public var updated: String?
  public var microversions: MicroversionRange?
  public var mediaType: String?
  /// Resources whose addresses are told, below the version's own.
  public var resources: [String]

  public init(
    id: String, status: String, path: String?, updated: String? = nil, microversions: MicroversionRange? = nil,
    mediaType: String? = nil, resources: [String] = []
  ) {
    self.id = id
    self.status = status
    self.path = path
    self.updated = updated
    self.microversions = microversions
    self.mediaType = mediaType
    self.resources = resources
  }
}

/// A service's discovery documents, made from its versions. Every address is as the client reached us.
public struct Discovery: Sendable {
  /// How a service writes the list of its versions.
  public enum Style: Sendable {
    /// `{"versions": [{…}]}`, microversions as `min_version` and `version`.
    case plain
    /// `{"versions": [{…}]}`, microversions as `min_version` and `max_version`.
    case placement
  }

  private let prefix: String
  private let versions: [APIVersion]
  private let style: Style
  private let permission: Permission

  public init(prefix: String, _ versions: [APIVersion], style: Style = .plain, _ permission: Permission) {
    self.prefix = prefix
    self.versions = versions
    self.style = style
    self.permission = permission
  }

  /// The list at `path`: 300 where the client is to choose, 200 where it only asked.
  public func list(
    at path: String, status: Int,
    headers: @escaping @Sendable (Call) -> [(name: String, value: String)] = { _ in [] }
  ) -> Route {
    Route(.get, path, permission, query: .unread) { call in
      Reply.json(status, headers: headers(call)) { json in
        json.field("versions", versions) { write(&$0, $1, call, detailed: false) }
      }
    }
  }

  /// One version, at `path`: `{"version": {…}}`.
  public func version(_ version: APIVersion, at path: String) -> Route {
    Route(.get, path, permission, query: .unread) { call in
      Reply.json { json in
        json.key("version")
        write(&json, version, call, detailed: true)
      }
    }
  }

  private func write(_ json: inout JSONWriter, _ version: APIVersion, _ call: Call, detailed: Bool) {
    let address = version.path.map { call.baseURL + "/" + prefix + $0 } ?? ""
    json.object { json in
      json.field("id", version.id)
      json.field("status", version.status)
      if let range = version.microversions {
        if case .placement = style {
          json.field("max_version", range.maximum.description)
        } else {
          json.field("version", range.maximum.description)
        }
        json.field("min_version", range.minimum.description)
      }
      if let updated = version.updated { json.field("updated", updated) }
      json.field("links", [address]) { json, href in
        json.object {
          $0.field("rel", "self")
          $0.field("href", href)
        }
      }
      guard detailed else { return }
      if let type = version.mediaType {
        json.field("media-types", [type]) { json, type in
          json.object {
            $0.field("base", "application/json")
            $0.field("type", type)
          }
        }
      }
      if !version.resources.isEmpty { json.field("resources", version.resources.map { address + "/" + $0 }) }
    }
  }
}
