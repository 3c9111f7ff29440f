import API
import Kit

/// The rules of a mapping, read and sound. Keystone's grammar, versions 1.0 to 3.0.
struct MappingRules: Sendable {
  static let rulesMax = 500
  private static let partsMax = 100
  private static let valuesMax = 1000

  enum Version: String, Sendable {
    case first = "1.0"
    /// `domain` of a rule holds for its user, groups and projects, and a project may have its own.
    case domains = "2.0"
    /// `projects_json`; roles in projects that a login does not name are taken away.
    case synchronised = "3.0"

    static let standard = first
  }

  struct Rule: Sendable {
    var local: [Local]
    var remote: [Requirement]
  }

  /// What must be said of a user, and what of it may be used.
  struct Requirement: Sendable {
    enum Test: Sendable {
      case present
      case anyOneOf(Values)
      case notAnyOf(Values)
      case whitelist(Values)
      case blacklist(Values)
    }
    var type: String
    var test: Test
  }

  enum Values: Sendable {
    case words(Set<String>)
    case patterns([LinearPattern])
  }

  /// What a user becomes. Texts may hold `{0}`, `{1}`, … for what the requirements found.
  struct Local: Sendable {
    var user: User?
    var group: Group?
    var groups: String?
    var groupIDs: String?
    var projects: [Project]?
    var projectsJSON: String?
    var domain: Domain?
  }

  struct Domain: Sendable {
    var id: String?
    var name: String?
  }

  struct User: Sendable {
    var id: String?
    var name: String?
    var email: String?
    var domain: Domain?
    var isLocal: Bool
  }

  enum Group: Sendable {
    case id(String)
    case name(String, Domain)
  }

  struct Project: Sendable {
    var name: String
    var roles: [String]
    var domain: Domain?
  }

  let version: Version
  let rules: [Rule]

  /// Throws `Fault` 400 where the rules are not as they must be.
  init(_ mapping: FederationMapping) throws {
    guard let version = Version(rawValue: mapping.schemaVersion) else {
      throw Fault.badRequest("The schema version \(mapping.schemaVersion.quoted) is not known.")
    }
    self.version = version
    let fields = JSONFields(["rules": mapping.rules], path: "mapping")
    rules = try (fields.optionalObjects("rules", countMax: Self.rulesMax) ?? []).map { rule in
      let local = try Self.objects(rule, "local").map { try Self.local($0, version) }
      let remote = try Self.objects(rule, "remote").map(Self.requirement)
      guard !remote.isEmpty else { throw rule.invalid("remote", "it must not be empty") }
      try rule.finish()
      return Rule(local: local, remote: remote)
    }
    guard !rules.isEmpty else { throw fields.invalid("rules", "it must not be empty") }
  }

  private static func objects(_ fields: JSONFields, _ name: String) throws -> [JSONFields] {
    guard let found = try fields.optionalObjects(name, countMax: partsMax) else {
      throw fields.invalid(name, "it is required")
    }
    return found
  }

  // MARK: Remote

  private static func requirement(_ fields: JSONFields) throws -> Requirement {
    let type = try fields.string("type", 0...255)
    let tests = ["any_one_of", "not_any_of", "whitelist", "blacklist"].filter(fields.has)
    guard let name = tests.first else {
      try fields.finish()
      return Requirement(type: type, test: .present)
    }
    guard tests.count == 1 else { throw fields.invalid(tests[1], "it cannot stand beside \(name)") }
    let values = try values(fields, name, areRegex: try fields.optionalBool("regex") ?? false)
    try fields.finish()
    let test: Requirement.Test =
      switch name {
      case "any_one_of": .anyOneOf(values)
      case "not_any_of": .notAnyOf(values)
      case "whitelist": .whitelist(values)
      default: .blacklist(values)
      }
    return Requirement(type: type, test: test)
  }

  private static func values(_ fields: JSONFields, _ name: String, areRegex: Bool) throws -> Values {
    let texts = try fields.optionalStrings(name, countMax: valuesMax) ?? []
    guard areRegex else { return .words(Set(texts)) }
    return .patterns(
      try texts.map { text in
        do { return try LinearPattern(text) } catch let refused as LinearPattern.Refused {
          throw fields.invalid(name, "\(text.quoted) is no pattern that is taken: \(refused.reason)")
        }
      })
  }

  // MARK: Local

  private static func local(_ fields: JSONFields, _ version: Version) throws -> Local {
    var local = Local()
    local.user = try fields.optionalObject("user").map(user)
    local.group = try fields.optionalObject("group").map(group)
    local.groups = try fields.optionalString("groups", 0...textMax)
    local.groupIDs = try fields.optionalString("group_ids", 0...textMax)
    local.projects = try fields.optionalObjects("projects", countMax: partsMax)?.map { try project($0, version) }
    if version == .synchronised { local.projectsJSON = try fields.optionalString("projects_json", 0...textMax) }
    local.domain = try fields.optionalObject("domain").map(domain)
    try fields.finish()
    return local
  }

  private static let textMax = 4096

  private static func user(_ fields: JSONFields) throws -> User {
    let user = User(
      id: try fields.optionalString("id", 0...textMax), name: try fields.optionalString("name", 0...textMax),
      email: try fields.optionalString("email", 0...textMax), domain: try fields.optionalObject("domain").map(domain),
      isLocal: try fields.optionalChoice("type", ["ephemeral", "local"]) == "local")
    try fields.finish()
    return user
  }

  private static func domain(_ fields: JSONFields) throws -> Domain {
    let domain = Domain(
      id: try fields.optionalString("id", 0...textMax), name: try fields.optionalString("name", 0...textMax))
    try fields.finish()
    return domain
  }

  private static func group(_ fields: JSONFields) throws -> Group {
    let found: Group
    if fields.has("id") {
      found = .id(try fields.string("id", 0...textMax))
    } else {
      found = .name(try fields.string("name", 0...textMax), try domain(try fields.object("domain")))
    }
    try fields.finish()
    return found
  }

  /// Also of what a user's assertion says, for `projects_json`.
  static func project(_ fields: JSONFields, _ version: Version) throws -> Project {
    let roles = try objects(fields, "roles").map { role in
      let name = try role.string("name", 0...textMax)
      try role.finish()
      return name
    }
    let project = Project(
      name: try fields.string("name", 0...textMax), roles: roles,
      domain: version == .first ? nil : try fields.optionalObject("domain").map(domain))
    try fields.finish()
    return project
  }
}
