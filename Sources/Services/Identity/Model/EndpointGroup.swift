import Kit
import Store

/// Endpoints that have something in common, to be given to projects together.
struct EndpointGroup: Sendable {
  var id: String
  var name: String
  var description: String?
  var filter: EndpointFilter
}

/// Which endpoints belong to a group: those that have every member of it, as they stand in the API.
struct EndpointFilter: Sendable {
  static let interfaces = ["public", "internal", "admin"]

  /// `interface`, `service_id` and `region_id`, the last of which may be null.
  var members: [String: JSONValue]

  func holds(_ endpoint: Endpoint) -> Bool {
    members.allSatisfy { name, value in
      switch name {
      case "interface": value.string == endpoint.interface
      case "service_id": value.string == endpoint.serviceID
      default: value.string == endpoint.regionID
      }
    }
  }

  /// The same, about the endpoint `e` of a statement.
  var condition: SQL {
    let parts: [SQL] = members.map { name, value in
      switch name {
      case "interface": "e.interface = \(value.string ?? "")"
      case "service_id": "e.service_id = \(value.string ?? "")"
      default: value.string.map { "e.region_id = \($0)" } ?? "e.region_id IS NULL"
      }
    }
    return parts.isEmpty ? "1 = 1" : "(\(SQL.joined(parts, separator: " AND ")))"
  }
}
