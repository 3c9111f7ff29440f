import Kit

/// A region of the catalogue.
struct Region: Sendable {
  var id: String
  var parentRegionID: String?
  var description: String
  var extra: [String: JSONValue]
}

/// A service of the catalogue.
struct ServiceRecord: Sendable {
  var id: String
  var type: String
  var name: String
  var description: String
  var enabled: Bool
  var extra: [String: JSONValue]
}

/// Where a service answers. `url` may begin with `$(base)s`, which stands for the cloud's own public base URL.
struct Endpoint: Sendable {
  var id: String
  var serviceID: String
  var regionID: String?
  var interface: String
  var url: String
  var enabled: Bool
  var extra: [String: JSONValue]

  static let base = "$(base)s"

  /// The URL for clients.
  func url(base: String) -> String {
    url.hasPrefix(Self.base) ? base + url.dropFirst(Self.base.count) : url
  }
}

/// One service of the catalogue with its endpoints.
struct CatalogEntry: Sendable {
  var id: String
  var type: String
  var name: String
  var enabled: Bool
  var endpoints: [Endpoint]
}
