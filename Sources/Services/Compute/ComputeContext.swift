import API
import Auth
import Contracts
import Kit
import Logging
import Store

/// What the routes and rules of this service stand on.
struct ComputeContext: Sendable {
  let store: any Store
  let placement: any PlacementContract
  let networks: any NetworksContract
  let images: any ImagesContract
  let tag: CloudTag
  let consoleQuery: ComputeService.ConsoleQuery
  let logger: Logger

  /// A server the caller may see. Throws `Fault` 404.
  func server(_ tx: Transaction, id: String, for principal: Principal) throws -> Server {
    guard let server = try ServerTable.find(tx, id: id),
      principal.isAdmin || server.projectID == principal.projectID
    else { throw Fault.notFound("Instance \(id.quoted) could not be found.") }
    return server
  }

  /// `server`, and refuses one that its lock keeps from the caller.
  func unlockedServer(_ tx: Transaction, id: String, for principal: Principal) throws -> Server {
    let server = try server(tx, id: id, for: principal)
    try ServerGuard.checkLock(server, principal)
    return server
  }
}

extension Call {
  /// Whether the request asks for microversion 2.`minor` or later.
  func at(_ minor: Int) -> Bool { version >= Microversion(2, minor) }

  /// Refuses query parameters that are not known, from the microversion that does so.
  func refuseUnknownQuery(since minor: Int = 75, _ names: Set<String>) throws {
    if at(minor) { try query.refuseAll(except: names) }
  }

  /// `http://host:port/compute/v2.1`.
  var root: String { baseURL + "/compute/v2.1" }
  /// The root of bookmark links, which carry no version.
  var bookmarkRoot: String { baseURL + "/compute" }
}

extension Microversion {
  static func compute(_ minor: Int) -> Microversion { Microversion(2, minor) }
}

extension JSONWriter {
  /// The `links` of a resource: itself, and where it is without a version.
  mutating func links(_ call: Call, _ path: String) {
    field("links", [("self", call.root), ("bookmark", call.bookmarkRoot)]) { json, link in
      json.object {
        $0.field("rel", link.0)
        $0.field("href", link.1 + path)
      }
    }
  }

  /// `<name>_links` with the next page.
  mutating func nextLink(_ name: String, _ call: Call, marker: String?) {
    guard let marker else { return }
    field("\(name)_links", [call.nextPage(marker: marker)]) { json, href in
      json.object {
        $0.field("rel", "next")
        $0.field("href", href)
      }
    }
  }
}
