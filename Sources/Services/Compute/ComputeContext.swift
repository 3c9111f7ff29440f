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
  let shelf = ServerShelf()

  /// A server the caller may see. Throws `Fault` 404.
  func server(_ tx: Transaction, id: String, for principal: Principal) throws -> Server {
    guard let server = try ServerTable.find(tx, id: id),
      principal.isAdmin || server.projectID == principal.projectID
    else { throw Self.noServer(id) }
    return server
  }

  static func noServer(_ id: String) -> Fault { .notFound("Instance \(id.quoted) could not be found.") }

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
    key("links")
    beginArray()
    for (rel, root) in [("self", call.root), ("bookmark", call.bookmarkRoot)] {
      element()
      beginObject()
      field("rel", rel)
      field("href", root, path)
      endObject()
    }
    endArray()
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
