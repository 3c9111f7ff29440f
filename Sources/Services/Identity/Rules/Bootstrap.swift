import Auth
import Kit
import Store

/// Ids of what `bootstrap` made or found.
public struct BootstrapResult: Sendable, Hashable {
  /// Always `default`.
  public var domainID: String
  public var adminProjectID: String
  public var demoProjectID: String
  public var adminUserID: String
  public var demoUserID: String
}

/// The first domain, roles, projects, users and the catalogue: in one transaction, and again without effect.
struct Bootstrap: Sendable {
  let core: IdentityCore
  let region: String

  static let domainID = "default"
  /// Each role with what it brings; `service` stands alone.
  static let roles: [(name: String, implies: String?)] = [
    ("reader", nil), ("member", "reader"), ("manager", "member"), ("admin", "manager"), ("service", nil),
  ]
  static let services: [(type: String, name: String, path: String)] = [
    ("identity", "keystone", "/identity"), ("image", "glance", "/image"), ("compute", "nova", "/compute/v2.1"),
    ("network", "neutron", "/network"), ("placement", "placement", "/placement"),
  ]

  func run(admin: Secret<String>, demo: Secret<String>) async throws -> BootstrapResult {
    let adminHash = try await core.hasher.hash(admin)
    let demoHash = try await core.hasher.hash(demo)
    return try await core.store.write { tx in
      try domain(tx)
      let roles = try roles(tx)
      let adminProject = try project(tx, "admin")
      let demoProject = try project(tx, "demo")
      let adminUser = try user(tx, "admin", hash: adminHash)
      let demoUser = try user(tx, "demo", hash: demoHash)
      if let role = roles["admin"] {
        for target in [Target.project(adminProject), .domain(Self.domainID), .system] {
          try AssignmentTable.insert(tx, .user(adminUser), target, role: role)
        }
      }
      if let role = roles["member"] {
        try AssignmentTable.insert(tx, .user(demoUser), .project(demoProject), role: role)
      }
      try catalogue(tx)
      return BootstrapResult(
        domainID: Self.domainID, adminProjectID: adminProject, demoProjectID: demoProject, adminUserID: adminUser,
        demoUserID: demoUser)
    }
  }

  private func domain(_ tx: Transaction) throws {
    if try ProjectTable.find(tx, Self.domainID) != nil { return }
    try ProjectTable.insert(
      tx,
      Project(
        id: Self.domainID, name: "Default", domainID: nil, parentID: nil, isDomain: true, enabled: true,
        description: "The default domain", options: [:], extra: [:]))
  }

  /// Ids of the roles by name.
  private func roles(_ tx: Transaction) throws -> [String: String] {
    var ids: [String: String] = [:]
    for (name, implies) in Self.roles {
      if let role = try RoleTable.named(tx, name) {
        ids[name] = role.id
        continue
      }
      let id = Identifier.hex()
      ids[name] = id
      try RoleTable.insert(
        tx, Role(id: id, name: name, domainID: nil, description: nil, options: ["immutable": .bool(true)], extra: [:]))
      if let implied = implies.flatMap({ ids[$0] }) { _ = try RoleTable.imply(tx, id, implied) }
    }
    return ids
  }

  private func project(_ tx: Transaction, _ name: String) throws -> String {
    if let id = try ProjectTable.projectID(tx, .name(name, .id(Self.domainID))) { return id }
    let id = Identifier.hex()
    try ProjectTable.insert(
      tx,
      Project(
        id: id, name: name, domainID: Self.domainID, parentID: Self.domainID, isDomain: false, enabled: true,
        description: "", options: [:], extra: [:]))
    return id
  }

  private func user(_ tx: Transaction, _ name: String) throws -> String? {
    try UserTable.id(tx, .name(name, .id(Self.domainID)))
  }

  /// The user's id; made where it is not there, else given the new password, which need not be changed at once.
  private func user(_ tx: Transaction, _ name: String, hash: String) throws -> String {
    if let id = try user(tx, name) {
      try PasswordRules(core: core).set(tx, id, hash: hash, selfService: true)
      return id
    }
    let id = Identifier.hex()
    try UserTable.insert(
      tx,
      User(
        id: id, domainID: Self.domainID, name: name, enabled: true, defaultProjectID: nil, options: [:], extra: [:]),
      at: core.now())
    try PasswordRules(core: core).set(tx, id, hash: hash, selfService: true)
    return id
  }

  private func catalogue(_ tx: Transaction) throws {
    if try CatalogTable.region(tx, region) == nil {
      try CatalogTable.insert(tx, Region(id: region, parentRegionID: nil, description: "", extra: [:]))
    }
    for (type, name, path) in Self.services {
      // What an operator changed since stays as it is.
      if try !CatalogTable.services(tx, ["s.type = \(type)"], Chunk(count: 1)).isEmpty { continue }
      let service = ServiceRecord(
        id: Identifier.hex(), type: type, name: name, description: "", enabled: true, extra: [:])
      try CatalogTable.insert(tx, service)
      for interface in ["public", "internal", "admin"] {
        try CatalogTable.insert(
          tx,
          Endpoint(
            id: Identifier.hex(), serviceID: service.id, regionID: region, interface: interface,
            url: Endpoint.base + path, enabled: true, extra: [:]))
      }
    }
  }
}
