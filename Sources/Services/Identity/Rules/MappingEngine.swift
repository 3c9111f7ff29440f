import API
import Kit

/// What an identity provider says of a user: each attribute's values.
struct Assertion: Sendable {
  var values: [String: [String]]
  /// Who the user is where no rule says it (`REMOTE_USER`).
  var subject: String?
}

/// What a user is to be here.
struct MappedIdentity: Sendable {
  struct Domain: Sendable, Hashable {
    var id: String?
    var name: String?
  }

  struct GroupName: Sendable, Hashable {
    var name: String
    var domain: Domain
  }

  struct Project: Sendable {
    var name: String
    /// Names of roles: these and no others.
    var roles: [String]
    var domain: Domain?
  }

  var userID: String?
  var userName: String?
  var email: String?
  /// Where the rules say nothing, it is the identity provider's.
  var userDomain: Domain?
  /// Whether it is a user of ours already, and gets nothing but a token.
  var isLocal = false
  var groupIDs: Set<String> = []
  var groupNames: Set<GroupName> = []
  var projects: [Project] = []
}

/// Applies the rules of a mapping. It reads nothing but its arguments, and its work is bounded.
struct MappingEngine {
  /// Why an assertion makes nobody.
  struct Failure: Error {
    var reason: String
  }

  /// Groups and projects that one assertion may name.
  private static let namesMax = 1000
  private let rules: MappingRules
  private var steps: Int

  private init(_ rules: MappingRules, steps: Int) {
    self.rules = rules
    self.steps = steps
  }

  /// `steps` is what its patterns may take together. Throws `Failure`.
  static func evaluate(
    _ rules: MappingRules, _ assertion: Assertion, steps: Int = LinearPattern.stepsMax
  ) throws -> MappedIdentity {
    var engine = MappingEngine(rules, steps: steps)
    do { return try engine.identity(assertion) } catch is LinearPattern.TooMuch {
      throw Failure(reason: "its patterns take too long for what the identity provider says")
    } catch let fault as Fault {
      throw Failure(reason: fault.message)
    }
  }

  private mutating func identity(_ assertion: Assertion) throws -> MappedIdentity {
    var mapped = MappedIdentity()
    var hasUser = false
    var lastDomain: MappedIdentity.Domain?
    var applies = false
    for rule in rules.rules {
      guard let found = try findings(rule.remote, assertion) else { continue }
      for local in rule.local {
        applies = true
        let domain = try local.domain.map { try fill($0, found) }
        lastDomain = domain
        if let user = local.user, !hasUser {
          hasUser = true
          try take(user, found, into: &mapped)
        }
        try takeGroups(local, domain, found, into: &mapped)
        try takeProjects(local, domain, found, into: &mapped)
      }
    }
    guard applies else { throw Failure(reason: "no rule applies") }
    if rules.version != .first, mapped.userDomain == nil { mapped.userDomain = lastDomain }
    guard mapped.groupIDs.count + mapped.groupNames.count <= Self.namesMax, mapped.projects.count <= Self.namesMax
    else { throw Failure(reason: "it names more than \(Self.namesMax) groups or projects") }
    return mapped
  }

  private func take(
    _ user: MappingRules.User, _ found: [[String]], into mapped: inout MappedIdentity
  ) throws {
    mapped.userID = try user.id.map { try fill($0, found) }
    mapped.userName = try user.name.map { try fill($0, found) }
    mapped.email = try user.email.map { try fill($0, found) }
    mapped.userDomain = try user.domain.map { try fill($0, found) }
    mapped.isLocal = user.isLocal
  }

  // MARK: Requirements

  /// What the requirements found, each a list; nil where one of them does not hold.
  private mutating func findings(
    _ requirements: [MappingRules.Requirement], _ assertion: Assertion
  ) throws -> [[String]]? {
    var found: [[String]] = []
    for requirement in requirements {
      guard let values = assertion.values[requirement.type], !values.isEmpty else { return nil }
      switch requirement.test {
      case .present: found.append(values)
      case .anyOneOf(let wanted): if try matching(values, wanted).isEmpty { return nil }
      case .notAnyOf(let unwanted): if try !matching(values, unwanted).isEmpty { return nil }
      case .whitelist(let wanted): found.append(try matching(values, wanted))
      case .blacklist(let unwanted):
        let matched = Set(try matching(values, unwanted))
        found.append(values.filter { !matched.contains($0) })
      }
    }
    return found
  }

  private mutating func matching(_ values: [String], _ wanted: MappingRules.Values) throws -> [String] {
    switch wanted {
    case .words(let words): return values.filter(words.contains)
    case .patterns(let patterns):
      var matched: [String] = []
      for value in values {
        for pattern in patterns where try pattern.matches(value, steps: &steps) {
          matched.append(value)
          break
        }
      }
      return matched
    }
  }

  // MARK: Groups and projects

  private func takeGroups(
    _ local: MappingRules.Local, _ domain: MappedIdentity.Domain?, _ found: [[String]],
    into mapped: inout MappedIdentity
  ) throws {
    switch local.group {
    case .id(let id): mapped.groupIDs.insert(try fill(id, found))
    case .name(let name, let domain):
      mapped.groupNames.insert(.init(name: try fill(name, found), domain: try fill(domain, found)))
    case nil: break
    }
    if let ids = local.groupIDs { mapped.groupIDs.formUnion(try MappingText.list(ids, found)) }
    guard let names = local.groups else { return }
    for name in try MappingText.list(names, found) {
      if let domain {
        mapped.groupNames.insert(.init(name: name, domain: domain))
      } else {
        mapped.groupNames.insert(try Self.group(json: name))
      }
    }
  }

  /// A group that the identity provider names with its domain: `JSON:{"name": …, "domain": {…}}`. Only for a rule that
  /// has no domain: where it has one, no assertion leads out of it.
  private static func group(json text: String) throws -> MappedIdentity.GroupName {
    guard text.hasPrefix("JSON:"), let group = (try? JSONValue(parsing: String(text.dropFirst(5))))?.object,
      let name = group["name"]?.string, let domain = group["domain"]?.object
    else { throw Failure(reason: "groups need a domain") }
    return .init(name: name, domain: .init(id: domain["id"]?.string, name: domain["name"]?.string))
  }

  /// As in Keystone, the last that names projects says which they are.
  private func takeProjects(
    _ local: MappingRules.Local, _ domain: MappedIdentity.Domain?, _ found: [[String]],
    into mapped: inout MappedIdentity
  ) throws {
    guard local.projects != nil || local.projectsJSON != nil else { return }
    let standard = rules.version == .first ? nil : domain
    func made(_ project: MappingRules.Project, _ fill: (String) throws -> String) throws -> MappedIdentity.Project {
      let own = try project.domain.map {
        MappedIdentity.Domain(id: try $0.id.map(fill), name: try $0.name.map(fill))
      }
      return .init(name: try fill(project.name), roles: try project.roles.map(fill), domain: own ?? standard)
    }
    mapped.projects = try (local.projects ?? []).map { try made($0) { try fill($0, found) } }
    guard let text = local.projectsJSON else { return }
    for value in try MappingText.referred(text, found) {
      guard let json = try? JSONValue(parsing: value), !json.isNull else {
        throw Failure(reason: "projects_json is no JSON")
      }
      let fields = JSONFields(["projects": json.object == nil ? json : .array([json])], path: "projects_json")
      for project in try fields.optionalObjects("projects", countMax: Self.namesMax) ?? [] {
        mapped.projects.append(try made(try MappingRules.project(project, rules.version)) { $0 })
      }
    }
  }

  private func fill(_ domain: MappingRules.Domain, _ found: [[String]]) throws -> MappedIdentity.Domain {
    .init(id: try domain.id.map { try fill($0, found) }, name: try domain.name.map { try fill($0, found) })
  }

  private func fill(_ text: String, _ found: [[String]]) throws -> String { try MappingText.fill(text, found) }
}
