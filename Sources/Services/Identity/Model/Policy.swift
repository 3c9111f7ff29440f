import Kit

/// Rules that some service keeps here, and reads by itself: text of any type, which nobody here looks into.
struct Policy: Sendable {
  var id: String
  /// A MIME type.
  var type: String
  /// The rules, called `blob` in the API.
  var rules: String
  var extra: [String: JSONValue]
}

/// What a policy is for (OS-ENDPOINT-POLICY).
enum PolicySubject: Sendable {
  case endpoint(String)
  case service(String)
  /// A service in a region and in the regions below it.
  case serviceInRegion(service: String, region: String)

  var endpointID: String? { if case .endpoint(let id) = self { id } else { nil } }
  var serviceID: String? {
    switch self {
    case .endpoint: nil
    case .service(let id), .serviceInRegion(let id, _): id
    }
  }
  var regionID: String? { if case .serviceInRegion(_, let id) = self { id } else { nil } }
}
