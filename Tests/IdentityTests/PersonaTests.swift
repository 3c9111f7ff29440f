import Kit
import Store
import Testing

@testable import Identity

/// Keystone's default permissions: what each persona's request is answered with, route by route, as
/// keystone-tempest-plugin expects it. `own` is the personas' domain, `other` another one.
struct PersonaTests {
  @Test(arguments: PersonaTable.all)
  func statuses(table: PersonaTable) async throws {
    let personas = try await Personas()
    for row in table.rows {
      for persona in Personas.all {
        let place = Place(personas: personas, persona: persona)
        let path = try await place.filled(row.path)
        let body = try await row.body.asyncMap(place.filled)
        let status = try await personas.status(persona, row.method, path, body)
        #expect(status == row.expected(persona), "\(persona): \(row.method) \(row.path) \(row.body ?? "")")
      }
    }
  }

  /// Lists of a token scoped to a domain show that domain only, even to its administrator.
  @Test func listsOfDomainsAreConfined() async throws {
    let personas = try await Personas()
    let place = Place(personas: personas, persona: Personas.all[0])
    let group = try await place.filled("{group:own}")
    let (mine, theirs) = (try await place.filled("{user:own}"), try await place.filled("{user:other}"))
    let system = try personas.token(.system, .admin)
    for user in [mine, theirs] {
      #expect(await personas.cloud.send("PUT", "/v3/groups/\(group)/users/\(user)", token: system).status == 204)
    }
    let foreign = try await place.filled("{group:other}")
    #expect(await personas.cloud.send("PUT", "/v3/groups/\(foreign)/users/\(mine)", token: system).status == 204)
    for level in Personas.Level.allCases {
      let token = try personas.token(.domain, level)
      func ids(_ path: String, _ name: String) async -> [String] {
        await personas.cloud.send("GET", path, token: token).ids(name)
      }
      #expect(await ids("/v3/domains", "domains") == [personas.domainID])
      #expect(await ids("/v3/projects", "projects") == [personas.projectID])
      #expect(await ids("/v3/projects?domain_id=default", "projects") == [])
      #expect(await ids("/v3/groups", "groups") == [group])
      #expect(await ids("/v3/groups/\(group)/users", "users") == [mine])
      #expect(await ids("/v3/users/\(mine)/groups", "groups") == [group])
      let users = await ids("/v3/users", "users")
      #expect(users.contains(mine) && !users.contains(theirs) && users.count == 5)
    }
    let everybody = await personas.cloud.send("GET", "/v3/users", token: try personas.token(.system, .reader))
    #expect(Set(everybody.ids("users")).isSuperset(of: [mine, theirs]))
  }

  /// What is made without a domain's name stands in the domain of the token's scope, else in the default one.
  @Test func newThingsWithoutADomain() async throws {
    let personas = try await Personas()
    for (scope, domain) in [(Personas.Scope.domain, personas.domainID), (.project, "default"), (.system, "default")] {
      for (path, name) in [("/v3/users", "user"), ("/v3/groups", "group"), ("/v3/projects", "project")] {
        let made = await personas.cloud.send(
          "POST", path, "{\"\(name)\": {\"name\": \"\(scope)\"}}", token: try personas.token(scope, .admin))
        #expect(made.json[name]?["domain_id"]?.string == domain, "\(scope) \(path)")
      }
    }
  }

  /// No token: 401 before anything else is said.
  @Test func strangersLearnNothing() async throws {
    let cloud = try await Fixture()
    for table in PersonaTable.all {
      for row in table.rows where !row.path.contains("{") {
        #expect(await cloud.send(row.method, row.path, row.body).isFault(401), "\(row.method) \(row.path)")
      }
    }
  }
}

/// Fills the names in a row's path and body: each makes a thing of its own, so that no row disturbs another.
private struct Place {
  let personas: Personas
  let persona: Personas.Persona

  func filled(_ template: String) async throws -> String {
    var text = ""
    var rest = Substring(template)
    while let open = rest.firstIndex(of: "{") {
      text += rest[..<open]
      rest = rest[rest.index(after: open)...]
      let name = rest.prefix { $0.isLowercase || $0 == ":" }
      guard rest.dropFirst(name.count).first == "}", let value = try await value(String(name)) else {
        text += "{"
        continue
      }
      text += value
      rest = rest.dropFirst(name.count + 1)
    }
    return text + rest
  }

  private func value(_ name: String) async throws -> String? {
    switch name {
    case "none", "name": Identifier.hex()
    case "self": try personas.userID(persona)
    case "own": personas.domainID
    case "other": "default"
    case "project": personas.projectID
    case "user:own": try await user(personas.domainID)
    case "user:other": try await user("default")
    case "group:own": try await group(personas.domainID)
    case "group:other": try await group("default")
    case "member:own:own": try await member(personas.domainID, personas.domainID)
    case "member:own:other": try await member(personas.domainID, "default")
    case "member:other:own": try await member("default", personas.domainID)
    case "project:own": try await project(personas.domainID)
    case "project:other": try await project("default")
    case "domain": try await project(nil)
    case "domain:config": try await configured()
    case "region", "service", "endpoint": try await catalogued(name)
    default: nil
    }
  }

  private func user(_ domain: String) async throws -> String {
    let id = Identifier.hex()
    let user = User(
      id: id, domainID: domain, name: id, enabled: true, defaultProjectID: nil, options: [:], extra: [:])
    try await personas.cloud.store.write { tx in try UserTable.insert(tx, user, at: .now()) }
    return id
  }

  private func group(_ domain: String) async throws -> String {
    let id = Identifier.hex()
    try await personas.cloud.store.write { tx in
      try GroupTable.insert(tx, Group(id: id, domainID: domain, name: id, description: "", extra: [:]))
    }
    return id
  }

  private func member(_ groupDomain: String, _ userDomain: String) async throws -> String {
    let (group, user) = (try await group(groupDomain), try await user(userDomain))
    try await personas.cloud.store.write { tx in try GroupTable.addMember(tx, group, user) }
    return "\(group)/users/\(user)"
  }

  /// A project with the tag `red`; a domain that is disabled where `domain` is nil.
  private func project(_ domain: String?) async throws -> String {
    let id = Identifier.hex()
    try await personas.cloud.store.write { tx in
      try ProjectTable.insert(
        tx,
        Project(
          id: id, name: id, domainID: domain, parentID: domain, isDomain: domain == nil, enabled: domain != nil,
          description: "", options: [:], extra: [:], tags: ["red"]))
    }
    return id
  }

  private func configured() async throws -> String {
    let id = try await project(nil)
    let config = DomainConfig(options: [.init(group: "ldap", name: "url", value: .string("ldap://x"))])
    let core = personas.cloud.identity.core
    try await personas.cloud.store.write { tx in
      try DomainConfigTable(domainID: id).set(tx, config, core.credentialKeys, at: core.now())
    }
    return id
  }

  private func catalogued(_ kind: String) async throws -> String {
    let id = Identifier.hex()
    try await personas.cloud.store.write { tx in
      if kind == "region" {
        try CatalogTable.insert(tx, Region(id: id, parentRegionID: nil, description: "", extra: [:]))
        return
      }
      try CatalogTable.insert(
        tx, ServiceRecord(id: id, type: "t", name: "n", description: "", enabled: true, extra: [:]))
      guard kind == "endpoint" else { return }
      try CatalogTable.insert(
        tx,
        Endpoint(
          id: id, serviceID: id, regionID: nil, interface: "public", url: "http://x", enabled: true, extra: [:]))
    }
    return id
  }
}
