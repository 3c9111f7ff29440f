import API
import Auth
import Foundation
import Kit

/// The microversions of the API, and what all its answers share.
enum PlacementVersions {
  static let range = MicroversionRange(
    serviceType: "placement", legacyHeader: nil, minimum: Microversion(1, 0), maximum: Microversion(1, 39))

  static var routes: [Route] {
    let version = APIVersion(id: "v1.0", status: "CURRENT", path: nil, microversions: range)
    return [
      Discovery(prefix: "placement", [version], style: .placement, Permission("placement:versions", .open))
        .list(at: "/", status: 200, headers: freshness)
    ]
  }

  /// A JSON answer; from 1.15 on it says that it is not to be cached.
  static func answer(_ call: Call, _ build: (inout JSONWriter) -> Void) -> Reply {
    .json(headers: freshness(call), build)
  }

  private static func freshness(_ call: Call) -> [(name: String, value: String)] {
    call.version >= Microversion(1, 15) ? [("Cache-Control", "no-cache"), ("Last-Modified", httpDate())] : []
  }

  /// The present moment as HTTP writes it: `Sat, 01 Aug 2026 12:00:00 GMT`.
  private static func httpDate() -> String {
    var seconds = time(nil)
    var parts = tm()
    gmtime_r(&seconds, &parts)
    let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
    return "\(days[Int(parts.tm_wday)]), \(two(parts.tm_mday)) \(months[Int(parts.tm_mon)]) \(parts.tm_year + 1900) "
      + "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)) GMT"
  }

  /// The right every route but the first asks for, by the name of OpenStack's policy.
  static func permission(_ name: String) -> Permission { Permission("placement:\(name)", .admin) }

  /// A query with these parameters, each from its microversion on; others are refused.
  static func query(_ parameters: [QueryShape.Parameter]) -> QueryShape {
    QueryShape(
      parameters, others: .refused, faultTypes: ("placement.query.bad_value", "placement.query.missing_value"))
  }
}
