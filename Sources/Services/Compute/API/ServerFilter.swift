import API
import Auth
import Contracts
import Kit
import Store

/// What a list of servers is asked for, as conditions of SQL.
struct ServerFilter {
  private(set) var conditions: [SQL] = []
  /// Texts that an address must contain, by IP version: looked for after the ports are loaded.
  private(set) var addresses: [(version: Int, text: String)] = []
  /// The filter can match nothing.
  private(set) var empty = false

  static let names: Set<String> = [
    "access_ip_v4", "access_ip_v6", "all_tenants", "auto_disk_config", "availability_zone", "block_device_mapping",
    "changes-since", "config_drive", "created_at", "deleted", "description", "display_description", "display_name",
    "flavor", "host", "hostname", "image", "image_ref", "instance_type_id", "ip", "ip6", "kernel_id", "key_name",
    "launch_index", "launched_at", "limit", "locked_by", "marker", "name", "node", "power_state", "progress",
    "project_id", "ramdisk_id", "reservation_id", "root_device_name", "soft_deleted", "sort_dir", "sort_key",
    "status", "task_state", "tenant_id", "terminated_at", "user_id", "uuid", "vm_state",
  ]
  /// What the values of some must look like.
  static let kinds: [String: QueryShape.Kind] = [
    "all_tenants": .boolean, "changes-since": .time, "deleted": .boolean, "limit": .natural,
    "soft_deleted": .boolean, "sort_dir": .choice(["asc", "desc"]),
  ]

  init(_ call: Call) throws {
    try scope(call)
    try texts(call)
    try states(call)
    try times(call)
    if call.at(26) { try tags(call) }
    if call.at(73), let locked = try call.query.bool("locked") {
      conditions.append(locked ? "locked_by IS NOT NULL" : "locked_by IS NULL")
    }
  }

  /// Whether a server with these addresses is wanted.
  func admits(_ found: [ServerPort.Address]) -> Bool {
    addresses.allSatisfy { wanted in
      found.contains { $0.version == wanted.version && $0.address.contains(wanted.text) }
    }
  }

  private mutating func scope(_ call: Call) throws {
    let principal = try call.principal()
    let everybody = try call.query.bool("all_tenants") ?? false
    if everybody { try call.require(ComputePermissions.allTenants) }
    let named = call.query["project_id"] ?? call.query["tenant_id"]
    if principal.isAdmin, everybody {
      if let named { conditions.append("project_id = \(named)") }
    } else {
      conditions.append("project_id = \(principal.projectID ?? "")")
      if let named, named != principal.projectID, !principal.isAdmin { empty = true }
    }
    // Rows of deleted servers are gone: there is nothing to list.
    if try call.query.bool("deleted") ?? false { try onlyDeleted(call) }
    if try call.query.bool("soft_deleted") ?? false { empty = true }
  }

  private mutating func onlyDeleted(_ call: Call) throws {
    guard call.caller?.isAdmin == true else { return }
    empty = true
  }

  private mutating func texts(_ call: Call) throws {
    let query = call.query
    if let name = query["name"] ?? query["display_name"] { conditions.append(Self.pattern("name", name)) }
    if let id = query["uuid"] { conditions.append("id = \(id)") }
    if let image = query["image"] ?? query["image_ref"] {
      conditions.append("image_id = \(image.split(separator: "/").last.map(String.init) ?? image)")
    }
    if let flavor = query["flavor"] ?? query["instance_type_id"] {
      conditions.append("flavor_id = \(flavor.split(separator: "/").last.map(String.init) ?? flavor)")
    }
    if let reservation = query["reservation_id"] { conditions.append("reservation_id = \(reservation)") }
    if let ip = query["ip"] { addresses.append((4, Self.plain(ip))) }
    if let ip = query["ip6"], call.at(5) || call.caller?.isAdmin == true { addresses.append((6, Self.plain(ip))) }
    let admin = call.caller?.isAdmin == true
    if admin {
      if let host = query["host"] ?? query["node"] { conditions.append("host = \(host)") }
      if let text = query["description"] ?? query["display_description"] {
        conditions.append(Self.pattern("description", text))
      }
      if let name = query["hostname"] { conditions.append(Self.pattern("hostname", name)) }
      if let index = try query.natural("launch_index") { conditions.append("launch_index = \(index)") }
    }
    guard admin || call.at(83) else { return }
    if let user = query["user_id"] { conditions.append("user_id = \(user)") }
    if let key = query["key_name"] { conditions.append("key_name = \(key)") }
    if let drive = try query.bool("config_drive") { conditions.append("config_drive = \(drive)") }
    if let zone = query["availability_zone"] {
      conditions.append(zone == GuestDocuments.zone ? "host IS NOT NULL" : "host IS NULL AND 1 = 0")
    }
    if let power = try query.natural("power_state") { conditions.append("power_state = \(power)") }
    if let task = query["task_state"] { conditions.append("task_state = \(task)") }
    if let vm = query["vm_state"] { conditions.append("vm_state = \(vm)") }
    for name in ["created_at", "launched_at"] { if let text = query[name] { try moment(name, text) } }
    if query.has("terminated_at") { empty = true }
  }

  private mutating func states(_ call: Call) throws {
    let asked = call.query.all("status").map { $0.uppercased() }
    guard !asked.isEmpty else { return }
    if let stranger = asked.first(where: { !ServerState.statuses.contains($0) }) {
      if call.at(38) { throw Fault.badRequest("Invalid status value \(stranger.quoted).") }
      empty = true
    }
    if asked.contains("DELETED"), call.caller?.isAdmin != true {
      throw Fault.forbidden("Only administrators may list deleted instances")
    }
    conditions.append("status IN (\(list: asked))")
  }

  private mutating func times(_ call: Call) throws {
    if let text = call.query["changes-since"] { conditions.append("updated_at >= \(try Self.time(text))") }
    if call.at(66), let text = call.query["changes-before"] {
      conditions.append("updated_at <= \(try Self.time(text))")
    }
  }

  static func time(_ text: String) throws -> Timestamp {
    guard let time = Timestamp(iso8601: text) else {
      throw Fault.badRequest("\(text.quoted) is not a moment in ISO 8601.")
    }
    return time
  }

  /// Within the second that is named.
  private mutating func moment(_ column: String, _ text: String) throws {
    let time = try Self.time(text)
    conditions.append("\(raw: column) >= \(time) AND \(raw: column) < \(time.adding(seconds: 1))")
  }

  private mutating func tags(_ call: Call) throws {
    func list(_ name: String) -> [String]? {
      call.query[name].map { $0.split(separator: ",").map(String.init) }
    }
    for tag in list("tags") ?? [] {
      conditions.append("id IN (SELECT server_id FROM server_tag WHERE tag = \(tag))")
    }
    if let any = list("tags-any") {
      conditions.append("id IN (SELECT server_id FROM server_tag WHERE tag IN (\(list: any)))")
    }
    if let all = list("not-tags"), !all.isEmpty {
      let each = all.map { tag -> SQL in "id IN (SELECT server_id FROM server_tag WHERE tag = \(tag))" }
      conditions.append("NOT (\(SQL.joined(each, separator: " AND ")))")
    }
    if let any = list("not-tags-any") {
      conditions.append("id NOT IN (SELECT server_id FROM server_tag WHERE tag IN (\(list: any)))")
    }
  }

  /// A condition for what Nova takes as a regular expression: `^` and `$` bind it to the ends, everything else is
  /// looked for as it stands. No expression of a client's is ever run.
  private static func pattern(_ column: String, _ expression: String) -> SQL {
    let begins = expression.hasPrefix("^")
    let ends = expression.hasSuffix("$") && !expression.hasSuffix("\\$")
    let like =
      (begins ? "" : "%") + plain(expression).flatMap { "%_!".contains($0) ? ["!", $0] : [$0] } + (ends ? "" : "%")
    // SQLite's LIKE takes no notice of an ASCII letter's case, PostgreSQL's does; `lower` changes ASCII alone on both.
    let small = String(like.map { $0.isASCII ? Character($0.lowercased()) : $0 })
    return "lower(\(raw: column)) LIKE \(small) ESCAPE '!'"
  }

  /// The expression without anchors and backslashes.
  private static func plain(_ expression: String) -> String {
    var text = Substring(expression)
    if text.hasPrefix("^") { text.removeFirst() }
    if text.hasSuffix("$"), !text.hasSuffix("\\$") { text.removeLast() }
    for joker in [".*"] {
      if text.hasPrefix(joker) { text.removeFirst(2) }
      if text.hasSuffix(joker) { text.removeLast(2) }
    }
    var result = ""
    var escaped = false
    for character in text {
      if character == "\\", !escaped {
        escaped = true
      } else {
        result.append(character)
        escaped = false
      }
    }
    return result
  }
}
