import API
import Auth
import Foundation
import Kit

/// The microversions of the API, and what all its answers share.
enum PlacementVersions {
  static let range = MicroversionRange(
    serviceType: "placement", legacyHeader: nil, minimum: Microversion(1, 0), maximum: Microversion(1, 39))

  static var routes: [Route] {
    [
      Route(.get, "/", Permission("placement:versions", .open)) { call in
        answer(call) { json in
          json.field("versions", [range]) { json, range in
            json.object {
              $0.field("id", "v\(range.minimum)")
              $0.field("max_version", range.maximum.description)
              $0.field("min_version", range.minimum.description)
              $0.field("status", "CURRENT")
              $0.field("links", [""]) { json, href in
                json.object {
                  $0.field("rel", "self")
                  $0.field("href", href)
                }
              }
            }
          }
        }
      }
    ]
  }

  /// A JSON answer; from 1.15 on it says that it is not to be cached.
  static func answer(_ call: Call, _ build: (inout JSONWriter) -> Void) -> Reply {
    let headers =
      call.version >= Microversion(1, 15) ? [("Cache-Control", "no-cache"), ("Last-Modified", httpDate())] : []
    return .json(headers: headers, build)
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

  /// Throws 400 for query parameters that the microversion does not have.
  static func checkQuery(_ call: Call, _ names: [(name: String, since: Microversion)]) throws {
    try call.query.refuseAll(except: Set(names.filter { $0.since <= call.version }.map(\.name)))
  }
}
