import API
import Auth
import Contracts
import Kit
import Store

/// `GET /servers` and `GET /servers/detail`.
struct ServerListRoutes {
  /// Servers in one answer at the most.
  static let pageMax = 1000

  let context: ComputeContext

  var routes: [Route] {
    [
      Route(.get, "/v2.1/servers", ComputePermissions.read("servers:index")) { try await list($0, detailed: false) },
      Route(.get, "/v2.1/servers/detail", ComputePermissions.read("servers:detail")) {
        try await list($0, detailed: true)
      },
    ]
  }

  private func list(_ call: Call, detailed: Bool) async throws -> Reply {
    let filter = try ServerFilter(call)
    let order = try ServerOrder(call)
    let page = try call.page(default: Self.pageMax, maximum: Self.pageMax)
    let limit = page.limit ?? Self.pageMax
    let columns = ServerColumns.shown(userData: detailed && call.at(3) && call.caller?.isAdmin == true)
    let bytes = try await context.store.read { [context] tx in
      let servers = try Self.load(tx, filter, order, page, limit: limit, columns: columns, networks: context.networks)
      var view = ServerView(call, tag: context.tag)
      if detailed { try view.load(tx, servers, context.networks) }
      let more = limit > 0 && servers.count == limit
      var json = JSONWriter(capacity: 256 + servers.count * (detailed ? 2048 : 300))
      json.object { json in
        json.field("servers", servers) { json, server in
          if detailed { view.full(&json, server, one: false) } else { view.brief(&json, server) }
        }
        json.nextLink("servers", call, marker: more ? servers.last?.id : nil)
      }
      return json.bytes
    }
    return .json(bytes: bytes)
  }

  private static func load(
    _ tx: Transaction, _ filter: ServerFilter, _ order: ServerOrder, _ page: PageRequest, limit: Int,
    columns: String, networks: any NetworksContract
  ) throws -> [Server] {
    if filter.empty { return [] }
    var marker = page.marker
    var found: [Server] = []
    // With a filter on addresses, chunks are read until the page is full; without one, the first is all.
    while true {
      var conditions = filter.conditions
      if let marker { conditions.append(try order.after(tx, marker: marker, scope: scope(filter, page, marker))) }
      let wanted = filter.addresses.isEmpty ? limit : pageMax
      let chunk = try tx.query(
        """
        SELECT \(raw: columns) FROM server \(SQL.whereAll(conditions)) ORDER BY \(order.clause)
        LIMIT \(wanted)
        """, ServerColumns.decode)
      if filter.addresses.isEmpty { return chunk }
      found += try matching(tx, chunk, filter, networks)
      guard found.count < limit, chunk.count == wanted, let last = chunk.last else {
        return Array(found.prefix(limit))
      }
      marker = last.id
    }
  }

  /// The client's marker must be one of the servers it may see.
  private static func scope(_ filter: ServerFilter, _ page: PageRequest, _ marker: String) -> [SQL] {
    marker == page.marker ? filter.conditions.prefix(1).filter { $0.text.hasPrefix("project_id") } : []
  }

  private static func matching(
    _ tx: Transaction, _ servers: [Server], _ filter: ServerFilter, _ networks: any NetworksContract
  ) throws -> [Server] {
    let ports = try networks.ports(tx, servers: servers.map(\.id))
    return servers.filter { server in
      let addresses = (ports[server.id] ?? []).flatMap(\.addresses)
      return filter.addresses.allSatisfy { wanted in
        addresses.contains { $0.version == wanted.version && $0.address.contains(wanted.text) }
      }
    }
  }
}
