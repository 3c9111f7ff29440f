import API
import Auth
import Store

/// The order of a list of servers, and where its next page begins.
struct ServerOrder {
  /// The names clients use, and the expressions behind them (never null, so that pages join).
  private static let keys: [String: String] = [
    "access_ip_v4": "COALESCE(access_ipv4, '')", "access_ip_v6": "COALESCE(access_ipv6, '')",
    "auto_disk_config": "disk_config", "availability_zone": "COALESCE(host, '')", "config_drive": "config_drive",
    "created_at": "created_at", "display_description": "COALESCE(description, '')", "display_name": "name",
    "host": "COALESCE(host, '')", "hostname": "hostname", "image_ref": "image_id",
    "instance_type_id": "flavor_id", "key_name": "COALESCE(key_name, '')", "launch_index": "launch_index",
    "launched_at": "COALESCE(launched_at, 0)", "node": "COALESCE(host, '')", "power_state": "power_state",
    "project_id": "project_id", "task_state": "COALESCE(task_state, '')", "updated_at": "updated_at",
    "user_id": "user_id", "uuid": "id", "vm_state": "vm_state",
  ]
  private static let adminKeys: Set<String> = ["host", "node"]

  private var columns: [(expression: String, ascending: Bool)] = []

  init(_ call: Call) throws {
    let keys = call.query.all("sort_key")
    let directions = call.query.all("sort_dir")
    guard keys.count <= 10, directions.count <= max(keys.count, 1) else {
      throw Fault.badRequest("There are more sort directions than sort keys.")
    }
    if let wrong = directions.first(where: { $0 != "asc" && $0 != "desc" }) {
      throw Fault.badRequest("Unknown sort direction \(wrong.quoted), must be 'desc' or 'asc'.")
    }
    let standard = directions.first ?? "desc"
    for (index, key) in (keys.isEmpty ? ["created_at"] : keys).enumerated() {
      guard let expression = Self.keys[key], call.caller?.isAdmin == true || !Self.adminKeys.contains(key) else {
        throw Fault.badRequest("Sort key \(key.quoted) is not known.")
      }
      columns.append((expression, (index < directions.count ? directions[index] : standard) == "asc"))
    }
    if !columns.contains(where: { $0.expression == "id" }) {
      columns.append(("id", columns.last?.ascending ?? false))
    }
  }

  var clause: SQL {
    .joined(
      columns.map { "\(raw: $0.expression) \(raw: $0.ascending ? "ASC" : "DESC")" }, separator: ", ")
  }

  /// Rows after the marker's. Throws `Fault` 400 where `scope` has no such row.
  func after(_ tx: Transaction, marker: String, scope: [SQL]) throws -> SQL {
    guard try tx.exists("SELECT 1 FROM server \(SQL.whereAll(scope + ["id = \(marker)"]))") else {
      throw Fault.badRequest("marker [\(marker.prefix(64))] not found")
    }
    // Where all go one way, one comparison of rows, which an index over them answers; the marker's own values are read
    // by a subquery.
    if Set(columns.map(\.ascending)).count == 1 {
      let names = columns.map(\.expression).joined(separator: ", ")
      let sign = columns[0].ascending ? ">" : "<"
      return "(\(raw: names)) \(raw: sign) (SELECT \(raw: names) FROM server WHERE id = \(marker))"
    }
    // Lexicographic: equal in the keys before, beyond in this one.
    let alternatives = columns.indices.map { index -> SQL in
      var parts: [SQL] = columns[..<index].map { equal($0.expression, marker) }
      let (expression, ascending) = columns[index]
      parts.append(
        "\(raw: expression) \(raw: ascending ? ">" : "<") (SELECT \(raw: expression) FROM server WHERE id = \(marker))")
      return "(\(SQL.joined(parts, separator: " AND ")))"
    }
    return "(\(SQL.joined(alternatives, separator: " OR ")))"
  }

  private func equal(_ expression: String, _ marker: String) -> SQL {
    "\(raw: expression) = (SELECT \(raw: expression) FROM server WHERE id = \(marker))"
  }
}
