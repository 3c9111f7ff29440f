import API
import Kit
import Store

/// What a request changes of a project or a domain.
struct ProjectPatch: Sendable {
  var name: String?
  var enabled: Bool?
  var description: String?
  var tags: [String]?
  private let members: [String: JSONValue]

  /// Throws `Fault` 400 for what is not as it must be.
  init(_ fields: JSONFields, isDomain: Bool) throws {
    name = try fields.newName(64)
    enabled = try fields.flag("enabled")
    description = try fields.description()
    tags = try fields.tags()
    _ = try fields.immutableOption()
    var members = fields.newExtra()
    if let options = fields.value("options") { members["options"] = options }
    for name in isDomain ? [] : ["domain_id", "parent_id", "is_domain"] {
      if let value = fields.value(name) { members[name] = value }
    }
    self.members = members
  }

  /// Stores the change and returns what holds now. Disabling voids every token at once and for good.
  /// Throws `Fault` 400 for a member that cannot be changed, 403 where the project is immutable.
  func apply(_ tx: Transaction, to old: Project) throws -> Project {
    let fields = JSONFields(members, path: "")
    var project = old
    project.options = try fields.immutableOption(over: old.options)
    guard !old.isImmutable || !project.isImmutable else { throw Fault.forbidden("It is immutable.") }
    if !old.isDomain {
      try fields.unchanged("domain_id", old.domainID)
      try fields.unchanged("parent_id", old.parentID)
      if let flag = try fields.flag("is_domain"), flag { throw fields.invalid("is_domain", "it cannot be changed") }
    }
    project.name = name ?? old.name
    project.enabled = enabled ?? old.enabled
    project.description = description ?? old.description
    project.extra = fields.extra(over: old.extra)
    try ProjectTable.update(tx, project)
    if let tags {
      try ProjectTable.setTags(tx, old.id, tags)
      project.tags = Set(tags).sorted()
    }
    if old.enabled && !project.enabled { try ProjectTable.voidTokens(tx, project) }
    return project
  }
}

extension JSONFields {
  /// A project's tags; nil where it is absent. Throws `Fault` 400.
  func tags() throws -> [String]? {
    guard has("tags") else { return nil }
    guard let tags = try optionalStrings("tags", countMax: 80) else { throw invalid("tags", "it must not be null") }
    guard tags.allSatisfy(Self.isTag) else {
      throw invalid("tags", "a tag has 1 to 255 characters, none of them a comma or a slash")
    }
    guard Set(tags).count == tags.count else { throw invalid("tags", "each tag may be there once") }
    return tags
  }

  static func isTag(_ text: String) -> Bool {
    (1...255).contains(text.count) && !text.contains { $0 == "," || $0 == "/" || $0 == "\0" }
  }
}
