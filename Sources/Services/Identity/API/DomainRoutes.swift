import API
import Auth
import Kit
import Store

/// Domains.
struct DomainRoutes: Sendable {
  let core: IdentityCore

  var routes: [Route] {
    let one = "/v3/domains/{domain_id}"
    return [
      Route(
        .get, "/v3/domains", .identity("list_domains", IdentityPolicy.adminOrSystemReaderOrDomainReader),
        query: .list(Self.filters.parameters + [.init("enabled", .boolean)], others: .refused)
      ) { try await list($0) },
      Route(
        .post, "/v3/domains", .identity("create_domain", IdentityPolicy.admin), query: .unread,
        body: .needed(.domain(changes: false))
      ) { try await create($0) },
      Route(
        .get, one, .identity("get_domain", IdentityPolicy.adminOrSystemReaderOrDomainOrProject), query: .unread
      ) { try await show($0) },
      // Keystone says of these to everybody whether the domain is there, before it looks at rights.
      Route(
        .patch, one, .identity("update_domain", IdentityPolicy.admin + IdentityPolicy.untilFound), query: .forced,
        body: .needed(.domain(changes: true))
      ) { try await update($0) },
      Route(
        .delete, one, .identity("delete_domain", IdentityPolicy.admin + IdentityPolicy.untilFound), query: .careful
      ) { try await delete($0) },
    ]
  }

  private static let filters: TextFilters = ["name": "p.name"]

  private func list(_ call: Call) async throws -> Reply {
    var conditions: [SQL] = ["p.is_domain = 1"] + Self.filters.conditions(call.query)
    if let enabled = try call.query.bool("enabled") { conditions.append("p.enabled = \(enabled)") }
    if let domain = call.listedDomain { conditions.append("p.id = \(domain)") }
    let fixed = conditions
    return try await call.list("domains", from: core.store, read: { try ProjectTable.list($0, fixed, $1) }, id: \.id) {
      $0.domain($1, call)
    }
  }

  private func create(_ call: Call) async throws -> Reply {
    let fields = try call.object("domain")
    let explicit = try fields.optionalString("explicit_domain_id", 1...64)
    guard explicit.map(Self.isID) ?? true else {
      throw fields.invalid("explicit_domain_id", "it must be a UUID without dashes")
    }
    var domain = Project(
      id: explicit ?? Identifier.hex(), name: try fields.strippedName(64), domainID: nil, parentID: nil,
      isDomain: true, enabled: try fields.flag("enabled") ?? true, description: try fields.description() ?? "",
      options: try fields.immutableOption(), extra: [:], tags: try fields.tags()?.sorted() ?? [])
    try fields.checkDomainName(domain.name)
    domain.extra = fields.newExtra()
    let made = domain
    try await core.write("domain") { tx in try ProjectTable.insert(tx, made) }
    return Reply.one(201, "domain") { $0.domain(made, call) }
  }

  private static func isID(_ text: String) -> Bool {
    text.utf8.count == 32 && text.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
  }

  private func show(_ call: Call) async throws -> Reply {
    let id = try call.parameter("domain_id")
    let found = try await core.store.read { tx in try ProjectTable.domain(tx, id) }
    try call.require(on: found?.policyTarget(domainFor: call.caller))
    guard let found else { throw Fault.noSuch("domain", id) }
    return Reply.one(200, "domain") { $0.domain(found, call) }
  }

  private func update(_ call: Call) async throws -> Reply {
    let id = try call.parameter("domain_id")
    let patch = try ProjectPatch(try call.object("domain"), isDomain: true)
    let changed = try await core.writeKeepingAdministrators(call, "domain") { tx in
      guard let domain = try ProjectTable.domain(tx, id) else { throw Fault.noSuch("domain", id) }
      try call.require(on: call.cloudTarget)
      return try patch.apply(tx, to: domain)
    }
    return Reply.one(200, "domain") { $0.domain(changed, call) }
  }

  private func delete(_ call: Call) async throws -> Reply {
    let id = try call.parameter("domain_id")
    return try await core.delete(call, .domain, id) { tx in
      guard let domain = try ProjectTable.domain(tx, id) else { throw Fault.noSuch("domain", id) }
      try call.require(on: call.cloudTarget)
      try ProjectTree.checkDelete(tx, domain)
    }
  }
}

extension JSONWriter {
  mutating func domain(_ domain: Project, _ call: Call) {
    object {
      $0.field("id", domain.id)
      $0.field("name", domain.name)
      $0.field("description", domain.description)
      $0.field("enabled", domain.enabled)
      $0.field("tags", domain.tags)
      $0.field("options", .object(domain.options))
      $0.extra(domain.extra)
      $0.links(call.link("/domains/\(domain.id)"))
    }
  }
}
