import API
import Auth
import Kit
import Store

/// `/flavors`: read by everybody, written by administrators.
struct FlavorRoutes {
  private static let pageMax = 1000
  private static let sizeMax = Int(Int32.max)

  let context: ComputeContext

  var routes: [Route] {
    [
      Route(.get, "/v2.1/flavors", ComputePermissions.read("flavors:index"), query: .flavors) {
        try await list($0, detailed: false)
      },
      Route(.get, "/v2.1/flavors/detail", ComputePermissions.read("flavors:detail"), query: .flavors) {
        try await list($0, detailed: true)
      },
      Route(
        .post, "/v2.1/flavors", ComputePermissions.admin("os-flavor-manage:create"), query: .unread,
        body: .needed(.flavor)
      ) { try await create($0) },
      Route(.get, "/v2.1/flavors/{flavor_id}", ComputePermissions.read("flavors:show"), query: .unread) {
        try await show($0)
      },
      Route(
        .put, "/v2.1/flavors/{flavor_id}", since: .compute(55), ComputePermissions.admin("os-flavor-manage:update"),
        query: .unread, body: .needed(.flavorChange)
      ) { try await update($0) },
      Route(.delete, "/v2.1/flavors/{flavor_id}", ComputePermissions.admin("os-flavor-manage:delete"), query: .unread) {
        try await delete($0)
      },
    ]
  }

  static func missing(_ id: String) -> Fault { .notFound("Flavor \(id.quoted) could not be found.") }

  // MARK: Lists

  /// What is the same for all: a number alone would be the place of a column in ORDER BY.
  private static let alike = "(0 + 0)"

  private static let sortKeys = [
    "created_at": "created_at", "description": "COALESCE(description, '')", "disabled": alike,
    "ephemeral_gb": "ephemeral_gib", "flavorid": "id", "id": "number", "is_public": "is_public",
    "memory_mb": "memory_mib", "name": "name", "root_gb": "disk_gib", "rxtx_factor": "rxtx_factor",
    "swap": "swap_mib", "updated_at": "created_at", "vcpu_weight": alike, "vcpus": "vcpus",
  ]

  static let sortKeyNames = sortKeys.keys.sorted()

  private func list(_ call: Call, detailed: Bool) async throws -> Reply {
    let principal = try call.principal()
    let conditions = try Self.filters(call, principal)
    let key = call.query["sort_key"] ?? "flavorid"
    let direction = call.query["sort_dir"] ?? "asc"
    guard let column = Self.sortKeys[key], direction == "asc" || direction == "desc" else {
      throw Fault.badRequest("The sort key or direction is not known.")
    }
    let ascending = direction == "asc"
    let page = try call.page(default: Self.pageMax, maximum: Self.pageMax)
    let limit = page.limit ?? Self.pageMax
    let flavors = try await context.store.read { tx in
      var all = conditions
      if let marker = page.marker {
        guard try FlavorTable.find(tx, id: marker, for: principal) != nil else {
          throw Fault.badRequest("marker [\(marker.prefix(64))] not found")
        }
        let beyond: SQL = ascending ? ">" : "<"
        let value: SQL = "(SELECT \(raw: column) FROM flavor WHERE id = \(marker))"
        all.append(
          "(\(raw: column) \(beyond) \(value) OR \(raw: column) = \(value) AND id \(beyond) \(marker))")
      }
      let order: SQL = ascending ? "\(raw: column) ASC, id ASC" : "\(raw: column) DESC, id DESC"
      return try FlavorTable.list(tx, where: all, order: order, limit: limit)
    }
    return .json { json in
      json.field("flavors", flavors) { json, flavor in
        if detailed { Self.write(&json, flavor, call) } else { Self.writeBrief(&json, flavor, call) }
      }
      json.nextLink("flavors", call, marker: limit > 0 && flavors.count == limit ? flavors.last?.id : nil)
    }
  }

  private static func filters(_ call: Call, _ principal: Principal) throws -> [SQL] {
    var conditions: [SQL] = []
    if let visible = FlavorTable.visible(to: principal) { conditions.append(visible) }
    if principal.isAdmin {
      // Administrators see public flavors unless they say otherwise.
      let word = call.query["is_public"]?.lowercased()
      if word != "none" { conditions.append("is_public = \(try call.query.bool("is_public") ?? true)") }
    }
    for (name, column) in [("minRam", "memory_mib"), ("minDisk", "disk_gib")] {
      guard let text = call.query[name] else { continue }
      guard let least = Int(text) else { throw Fault.badRequest("Invalid \(name) filter [\(text.prefix(32))]") }
      conditions.append("\(raw: column) >= \(least)")
    }
    return conditions
  }

  private func show(_ call: Call) async throws -> Reply {
    let principal = try call.principal()
    let id = try call.parameter("flavor_id")
    let flavor = try await context.store.read { try FlavorTable.find($0, id: id, for: principal) }
    guard let flavor else { throw Self.missing(id) }
    return Self.reply(flavor, call)
  }

  // MARK: Changes

  private func create(_ call: Call) async throws -> Reply {
    let fields = try call.object("flavor")
    let flavor = Flavor(
      id: try Self.id(fields), number: 0, name: try ServerFields.name(fields),
      vcpus: try fields.int("vcpus", 1...Self.sizeMax, lenient: true),
      memoryMiB: try fields.int("ram", 1...Self.sizeMax, lenient: true),
      diskGiB: try fields.int("disk", 0...Self.sizeMax, lenient: true),
      ephemeralGiB: try fields.optionalInt("OS-FLV-EXT-DATA:ephemeral", 0...Self.sizeMax, lenient: true) ?? 0,
      swapMiB: try fields.optionalInt("swap", 0...Self.sizeMax, lenient: true) ?? 0,
      rxtxFactor: try Self.factor(fields),
      isPublic: try fields.optionalBool("os-flavor-access:is_public", lenient: true) ?? true,
      description: call.at(55) ? try fields.optionalString("description", 0...65535) : nil, createdAt: .now())
    let created = try await context.store.write { try FlavorTable.insert($0, flavor) }
    guard created else { throw Fault.conflict("Flavor with this ID or name already exists.") }
    return Self.reply(flavor, call)
  }

  private static func id(_ fields: JSONFields) throws -> String {
    switch fields.value("id") {
    case nil, .null?: return Identifier.uuid()
    case .int(let number)?: return String(number)
    case .string("auto")?: return Identifier.uuid()
    case .string(let text)?:
      guard (1...255).contains(text.count), text.first != " ", text.last != " ",
        text.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || ". _-".contains($0)) })
      else { break }
      return text
    default: break
    }
    throw fields.invalid("id", "letters, digits, blanks, '.', '_' and '-' are allowed")
  }

  private static func factor(_ fields: JSONFields) throws -> Double {
    let number: Double? =
      switch fields.value("rxtx_factor") {
      case nil: 1
      case .int(let value)?: Double(value)
      case .double(let value)?: value
      case .string(let text)?: Double(text)
      default: nil
      }
    guard let number, number > 0, number <= 3.40282e+38 else {
      throw fields.invalid("rxtx_factor", "it must be a positive number")
    }
    return number
  }

  private func update(_ call: Call) async throws -> Reply {
    let principal = try call.principal()
    let id = try call.parameter("flavor_id")
    let fields = try call.object("flavor")
    let description = try fields.patchString("description", 0...65535)
    if description.isAbsent { throw fields.invalid("description", "it is required") }
    let flavor = try await context.store.write { tx in
      guard try FlavorTable.find(tx, id: id, for: principal) != nil else { throw Self.missing(id) }
      try FlavorTable.setDescription(tx, id: id, description.value)
      return try FlavorTable.find(tx, id: id, for: principal)
    }
    guard let flavor else { throw Self.missing(id) }
    return Self.reply(flavor, call)
  }

  private func delete(_ call: Call) async throws -> Reply {
    let id = try call.parameter("flavor_id")
    guard try await context.store.write({ try FlavorTable.delete($0, id: id) }) else { throw Self.missing(id) }
    return Reply(status: 202)
  }

  // MARK: Views

  private static func reply(_ flavor: Flavor, _ call: Call) -> Reply {
    .json { json in
      json.key("flavor")
      write(&json, flavor, call)
    }
  }

  private static func writeBrief(_ json: inout JSONWriter, _ flavor: Flavor, _ call: Call) {
    json.object {
      $0.field("id", flavor.id)
      $0.field("name", flavor.name)
      $0.links(call, "/flavors/\(flavor.id)")
      if call.at(55) { $0.field("description", flavor.description) }
    }
  }

  private static func write(_ json: inout JSONWriter, _ flavor: Flavor, _ call: Call) {
    json.object {
      $0.field("id", flavor.id)
      $0.field("name", flavor.name)
      $0.field("ram", flavor.memoryMiB)
      $0.field("disk", flavor.diskGiB)
      if flavor.swapMiB == 0, !call.at(75) { $0.field("swap", "") } else { $0.field("swap", flavor.swapMiB) }
      $0.field("OS-FLV-EXT-DATA:ephemeral", flavor.ephemeralGiB)
      $0.field("OS-FLV-DISABLED:disabled", false)
      $0.field("vcpus", flavor.vcpus)
      $0.field("os-flavor-access:is_public", flavor.isPublic)
      $0.key("rxtx_factor")
      $0.value(flavor.rxtxFactor)
      $0.links(call, "/flavors/\(flavor.id)")
      if call.at(55) { $0.field("description", flavor.description) }
      if call.at(61) { $0.field("extra_specs", raw: ServerFields.text(flavor.extraSpecs)) }
    }
  }
}
