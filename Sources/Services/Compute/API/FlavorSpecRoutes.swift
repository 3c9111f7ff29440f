import API
import Auth
import Kit
import Store

/// A flavor's extra specs, and which projects may use a private one.
struct FlavorSpecRoutes {
  /// Extra specs of one flavor at the most.
  private static let specsMax = 128

  let context: ComputeContext

  private static let specs = "/v2.1/flavors/{flavor_id}/os-extra_specs"

  var routes: [Route] {
    [
      Route(.get, Self.specs, ComputePermissions.read("os-flavor-extra-specs:index"), query: .unread) {
        try await index($0)
      },
      Route(
        .post, Self.specs, ComputePermissions.admin("os-flavor-extra-specs:create"), query: .unread,
        body: .needed(.only("extra_specs", .specs))
      ) { try await create($0) },
      Route(.get, Self.specs + "/{key}", ComputePermissions.read("os-flavor-extra-specs:show"), query: .unread) {
        try await show($0)
      },
      Route(
        .put, Self.specs + "/{key}", ComputePermissions.admin("os-flavor-extra-specs:update"), query: .unread,
        body: .needed(.spec)
      ) {
        try await update($0)
      },
      Route(.delete, Self.specs + "/{key}", ComputePermissions.admin("os-flavor-extra-specs:delete"), query: .unread) {
        try await delete($0)
      },
      Route(
        .get, "/v2.1/flavors/{flavor_id}/os-flavor-access", ComputePermissions.admin("os-flavor-access"), query: .unread
      ) {
        try await access($0)
      },
      Route(
        .post, "/v2.1/flavors/{flavor_id}/action", ComputePermissions.admin("os-flavor-access:action"), query: .unread,
        body: .needed(.flavorAccess)
      ) {
        try await changeAccess($0)
      },
    ]
  }

  private func flavor(_ tx: Transaction, _ call: Call) throws -> Flavor {
    let id = try call.parameter("flavor_id")
    guard let flavor = try FlavorTable.find(tx, id: id, for: try call.principal()) else {
      throw FlavorRoutes.missing(id)
    }
    return flavor
  }

  private static func missingSpec(_ key: String) -> Fault {
    .notFound("Flavor has no extra specs with key \(key.quoted).")
  }

  private func index(_ call: Call) async throws -> Reply {
    let flavor = try await context.store.read { try self.flavor($0, call) }
    return .json { $0.field("extra_specs", raw: ServerFields.text(flavor.extraSpecs)) }
  }

  private func show(_ call: Call) async throws -> Reply {
    let key = try call.parameter("key")
    let flavor = try await context.store.read { try self.flavor($0, call) }
    guard let value = flavor.extraSpecs[key] else { throw Self.missingSpec(key) }
    return .json { $0.field(key, value) }
  }

  private func create(_ call: Call) async throws -> Reply {
    let body = try call.body()
    guard let members = body.value("extra_specs")?.object else {
      throw body.invalid("extra_specs", "an object is required")
    }
    let specs = try Self.checked(members)
    try await set(call, specs)
    return .json { $0.field("extra_specs", raw: ServerFields.text(specs)) }
  }

  private func update(_ call: Call) async throws -> Reply {
    let key = try call.parameter("key")
    guard let members = call.json?.object, members.count == 1, members[key] != nil else {
      throw Fault.badRequest("Request body and URI mismatch")
    }
    let specs = try Self.checked(members)
    try await set(call, specs)
    return .json { $0.field(key, specs[key]) }
  }

  private func set(_ call: Call, _ specs: [String: String]) async throws {
    try await context.store.write { tx in
      let flavor = try self.flavor(tx, call)
      guard flavor.extraSpecs.merging(specs, uniquingKeysWith: { $1 }).count <= Self.specsMax else {
        throw Fault.badRequest("A flavor can have at most \(Self.specsMax) extra specs.")
      }
      try FlavorTable.setExtraSpecs(tx, flavor: flavor.id, specs)
    }
  }

  private static func checked(_ members: [String: JSONValue]) throws -> [String: String] {
    try Dictionary(
      members.map { key, value in
        guard (1...255).contains(key.count),
          key.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "-_:. ".contains($0)) })
        else { throw Fault.badRequest("Invalid extra spec key \(key.quoted).") }
        let text: String? =
          switch value {
          case .string(let text): text
          case .int(let number): String(number)
          case .double(let number): "\(number)"
          default: nil
          }
        guard let text, text.count <= 255, !text.utf8.contains(0) else {
          throw Fault.badRequest("The value of extra spec \(key.quoted) must be a string or a number.")
        }
        return (key, text)
      }, uniquingKeysWith: { $1 })
  }

  private func delete(_ call: Call) async throws -> Reply {
    let key = try call.parameter("key")
    try await context.store.write { tx in
      let flavor = try self.flavor(tx, call)
      guard try FlavorTable.deleteExtraSpec(tx, flavor: flavor.id, name: key) else { throw Self.missingSpec(key) }
    }
    return Reply(status: 200)
  }

  // MARK: Access

  private func access(_ call: Call) async throws -> Reply {
    let (flavor, projects) = try await context.store.read { tx in
      let flavor = try self.flavor(tx, call)
      guard !flavor.isPublic else { throw Fault.notFound("Access list not available for public flavors.") }
      return (flavor, try FlavorTable.projects(tx, flavor: flavor.id))
    }
    return Self.reply(flavor, projects)
  }

  private static func reply(_ flavor: Flavor, _ projects: [String]) -> Reply {
    .json { json in
      json.field("flavor_access", projects) { json, project in
        json.object {
          $0.field("flavor_id", flavor.id)
          $0.field("tenant_id", project)
        }
      }
    }
  }

  private func changeAccess(_ call: Call) async throws -> Reply {
    let body = try call.body()
    let add = body.has("addTenantAccess")
    let fields = try body.object(add ? "addTenantAccess" : "removeTenantAccess")
    let project = try fields.string("tenant", 1...64)
    let (flavor, projects) = try await context.store.write { tx in
      let flavor = try self.flavor(tx, call)
      if add {
        if flavor.isPublic, call.at(7) {
          throw Fault.conflict("Can not add access to a public flavor.")
        }
        guard try FlavorTable.addAccess(tx, flavor: flavor.id, project: project) else {
          throw Fault.conflict(
            "Flavor access already exists for flavor \(flavor.id) and project \(project) combination.")
        }
      } else if try !FlavorTable.removeAccess(tx, flavor: flavor.id, project: project) {
        throw Fault.notFound("Flavor access not found for \(flavor.id) / \(project) combination.")
      }
      return (flavor, try FlavorTable.projects(tx, flavor: flavor.id))
    }
    return Self.reply(flavor, projects)
  }
}
