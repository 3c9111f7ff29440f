import API
import Auth
import Kit
import Store

/// Settings of domains. What Keystone refuses here it refuses with 403.
struct DomainConfigRoutes: Sendable {
  let core: IdentityCore

  var routes: [Route] {
    let all = "/v3/domains/{domain_id}/config"
    let paths = [all, all + "/{group}", all + "/{group}/{option}"]
    let defaults = ["", "/{group}", "/{group}/{option}"].map { "/v3/domains/config\($0)/default" }
    let change = Permission.identity("update_domain_config", IdentityPolicy.admin)
    let compliance = Permission("identity:get_security_compliance_domain_config", .authenticated)
    return [
      Route(
        .put, all, .identity("create_domain_config", IdentityPolicy.admin), query: .unread,
        body: .needed(.domainConfig)
      ) { try await create($0) },
      Route(.get, all + "/security_compliance", compliance, query: .unread) { try passwordRule($0, nil) },
      Route(.get, all + "/security_compliance/{option}", compliance, query: .unread) {
        try passwordRule($0, try $0.parameter("option"))
      },
    ]
      + defaults.map { path in
        Route(
          .get, path, .identity("get_domain_config_default", IdentityPolicy.adminOrSystemReader), query: .unread
        ) { try defaultValues($0) }
      }
      + paths.flatMap { path in
        [
          Route(.get, path, .identity("get_domain_config", IdentityPolicy.adminOrSystemReader), query: .unread) {
            try await show($0)
          },
          Route(.patch, path, change, query: .unread, body: .needed(.domainConfig)) { try await update($0) },
          Route(.delete, path, .identity("delete_domain_config", IdentityPolicy.admin), query: .unread) {
            try await delete($0)
          },
        ]
      }
  }

  // MARK: What is asked

  /// The group and option of a path: `/config`, `/config/ldap`, `/config/ldap/url`.
  private struct Place: Sendable {
    var domainID: String
    var group: String?
    var option: String?

    init(_ call: Call) throws {
      domainID = call.parameters["domain_id"] ?? ""
      group = call.parameters["group"]
      option = call.parameters["option"]
      if let group {
        guard DomainConfig.knows(group: group) else { throw Self.refused("group \(group.quoted) is not known") }
        if let option, !DomainConfig.knows(group: group, option: option) {
          throw Self.refused("option \(option.quoted) of group \(group.quoted) is not known")
        }
      }
    }

    var table: DomainConfigTable { DomainConfigTable(domainID: domainID, group: group, option: option) }

    static func refused(_ reason: String) -> Fault {
      .forbidden("Invalid domain specific configuration: \(reason).")
    }

    var missing: Fault {
      let what = group.map { group in option.map { "option \($0) in group \(group)" } ?? "group \(group)" }
      return .notFound("Could not find \(what ?? "any options") in domain configuration for domain \(domainID).")
    }

    /// One option stands alone, others within their groups.
    func reply(_ status: Int, _ config: DomainConfig) -> Reply {
      let alone = option.flatMap { name in config.options.first.map { [name: $0.value] } }
      return Reply.json(status) { $0.field("config", .object(alone ?? config.groups)) }
    }
  }

  /// The options of the body. `place` may name the only group, or the only option, that may be among them.
  private func asked(_ call: Call, _ place: Place) throws -> DomainConfig {
    let body = try call.object("config").rest()
    guard !body.isEmpty else { throw Place.refused("no options are given") }
    let groups = place.option == nil ? body : [place.group ?? "": .object(body)]
    let options = try groups.sorted { $0.key < $1.key }.flatMap { group, value in
      guard let members = value.object, !members.isEmpty else {
        throw Place.refused("the value of group \(group.quoted) must be an object of options")
      }
      return try members.sorted { $0.key < $1.key }.map { name, value in
        guard DomainConfig.knows(group: group, option: name) else {
          throw Place.refused("option \(name.quoted) of group \(group.quoted) is not known")
        }
        return DomainConfig.Option(group: group, name: name, value: value)
      }
    }
    guard options.allSatisfy({ $0.group == place.group ?? $0.group && $0.name == place.option ?? $0.name }) else {
      throw Place.refused("only what the path names can be changed")
    }
    return DomainConfig(options: options)
  }

  // MARK: Answers

  private func create(_ call: Call) async throws -> Reply {
    let place = try Place(call)
    let config = try asked(call, place)
    let (wasThere, kept) = try await core.store.write { tx in
      try Self.checkDomain(tx, place)
      let wasThere = try place.table.isSet(tx)
      try place.table.delete(tx)
      try place.table.set(tx, config, core.credentialKeys, at: core.now())
      return (wasThere, try place.table.config(tx))
    }
    return place.reply(wasThere ? 200 : 201, kept)
  }

  private func show(_ call: Call) async throws -> Reply {
    let place = try Place(call)
    let config = try await core.store.read { tx in
      try Self.checkDomain(tx, place)
      return try place.table.config(tx)
    }
    guard !config.options.isEmpty else { throw place.missing }
    return place.reply(200, config)
  }

  private func update(_ call: Call) async throws -> Reply {
    let place = try Place(call)
    let config = try asked(call, place)
    let kept = try await core.store.write { tx in
      try Self.checkDomain(tx, place)
      if place.group != nil { try Self.checkSet(tx, place) }
      try place.table.set(tx, config, core.credentialKeys, at: core.now())
      return try DomainConfigTable(domainID: place.domainID).config(tx)
    }
    return Reply.json { $0.field("config", .object(kept.groups)) }
  }

  private func delete(_ call: Call) async throws -> Reply {
    let place = try Place(call)
    try await core.store.write { tx in
      try Self.checkDomain(tx, place)
      if place.group != nil { try Self.checkSet(tx, place) }
      try place.table.delete(tx)
    }
    return .done
  }

  private func defaultValues(_ call: Call) throws -> Reply {
    let place = try Place(call)
    let groups = DomainConfig.defaults.filter { $0.key == place.group ?? $0.key }
    guard let option = place.option else {
      return Reply.json { $0.field("config", .object(groups.mapValues { .object($0) })) }
    }
    guard let value = groups.values.first?[option] else { throw Place.refused("option \(option) has no default") }
    return Reply.json { $0.field("config", .object([option: value])) }
  }

  /// What a password must look like, which everybody may know. Keystone tells it of the default domain only.
  private func passwordRule(_ call: Call, _ option: String?) throws -> Reply {
    guard try call.parameter("domain_id") == Bootstrap.domainID else {
      throw Place.refused("the rules of passwords are those of the default domain")
    }
    let passwords = core.settings.passwords
    let rules: [String: JSONValue] = [
      "password_regex": passwords.pattern.map { .string($0.text) } ?? .null,
      "password_regex_description": passwords.pattern == nil ? .null : .string(passwords.patternDescription),
    ]
    guard let option else {
      return Reply.json { $0.field("config", .object(["security_compliance": .object(rules)])) }
    }
    guard let rule = rules[option] else { throw Place.refused("option \(option.quoted) cannot be read") }
    return Reply.json { $0.field("config", .object([option: rule])) }
  }

  private static func checkDomain(_ tx: Transaction, _ place: Place) throws {
    guard try ProjectTable.domain(tx, place.domainID) != nil else { throw Fault.noSuch("domain", place.domainID) }
  }

  /// What is changed or deleted by its own path must be there.
  private static func checkSet(_ tx: Transaction, _ place: Place) throws {
    guard try place.table.isSet(tx) else { throw place.missing }
  }
}

extension JSONShape {
  /// Groups of options, or options where the path names the group and the option.
  static let domainConfig = only("config", map(.any, names: 1...64, count: 0...100))
}
