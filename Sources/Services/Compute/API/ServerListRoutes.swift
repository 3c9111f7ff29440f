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
      Route(.get, "/v2.1/servers", ComputePermissions.read("servers:index"), query: .servers) {
        try await list($0, detailed: false)
      },
      Route(.get, "/v2.1/servers/detail", ComputePermissions.read("servers:detail"), query: .servers) {
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
      let which = try Self.choice(tx, filter, order, page, limit: limit, context.networks)
      var json = JSONWriter(capacity: 256 + min(limit, 100) * (detailed ? 2048 : 300))
      json.beginObject()
      json.key("servers")
      json.beginArray()
      var (count, last) = (0, "")
      var view = ServerView(call, tag: context.tag)
      if let which, detailed {
        let keys = try tx.query("SELECT \(raw: ServerView.Key.columns) \(which)", ServerView.Key.init)
        for text in try view.texts(tx, keys, one: false, context, columns: columns) {
          json.element()
          json.raw(text)
        }
        (count, last) = (keys.count, keys.last?.id ?? "")
      } else if let which {
        try tx.forEach("SELECT \(raw: ServerView.briefColumns) \(which)") { row in
          json.element()
          view.brief(&json, row)
          count += 1
          last = row.text(0)
        }
      }
      json.endArray()
      json.nextLink("servers", call, marker: limit > 0 && count == limit ? last : nil)
      json.endObject()
      return json.takeBytes()
    }
    return .json(bytes: bytes)
  }

  /// The servers of the page, as what follows `SELECT <columns>`; nil where there are none.
  private static func choice(
    _ tx: Transaction, _ filter: ServerFilter, _ order: ServerOrder, _ page: PageRequest, limit: Int,
    _ networks: any NetworksContract
  ) throws -> SQL? {
    if filter.empty { return nil }
    var conditions = filter.conditions
    if !filter.addresses.isEmpty {
      let ids = try matching(tx, filter, order, page, limit: limit, networks)
      return "FROM server WHERE id IN (\(list: ids)) ORDER BY \(order.clause)"
    }
    if let marker = page.marker {
      conditions.append(try order.after(tx, marker: marker, scope: scope(filter, page, marker)))
    }
    return "FROM server \(SQL.whereAll(conditions)) ORDER BY \(order.clause) LIMIT \(limit)"
  }

  /// With a filter on addresses, chunks are read until the page is full.
  private static func matching(
    _ tx: Transaction, _ filter: ServerFilter, _ order: ServerOrder, _ page: PageRequest, limit: Int,
    _ networks: any NetworksContract
  ) throws -> [String] {
    var marker = page.marker
    var found: [String] = []
    while true {
      var conditions = filter.conditions
      if let marker { conditions.append(try order.after(tx, marker: marker, scope: scope(filter, page, marker))) }
      let chunk = try tx.query(
        "SELECT id FROM server \(SQL.whereAll(conditions)) ORDER BY \(order.clause) LIMIT \(pageMax)"
      ) { $0.text(0) }
      let ports = try networks.ports(tx, servers: chunk)
      found += chunk.filter { filter.admits((ports[$0] ?? []).flatMap(\.addresses)) }
      guard found.count < limit, chunk.count == pageMax, let last = chunk.last else {
        return Array(found.prefix(limit))
      }
      marker = last
    }
  }

  /// The client's marker must be one of the servers it may see.
  private static func scope(_ filter: ServerFilter, _ page: PageRequest, _ marker: String) -> [SQL] {
    marker == page.marker ? filter.conditions.prefix(1).filter { $0.text.hasPrefix("project_id") } : []
  }
}
