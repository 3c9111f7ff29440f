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
  /// Whether the request says nothing but `options`.
  private let saysOnlyOptions: Bool

  /// Throws `Fault` 400 for what is not as it must be.
  init(_ fields: JSONFields, isDomain: Bool) throws {
    saysOnlyOptions = fields.names == ["options"]
    name = try fields.newStrippedName(64)
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
  /// Throws `Fault` 400 for a member that cannot be changed, 403 where the project is immutable, has another parent, or
  /// cannot be enabled or disabled because of those above or below it.
  func apply(_ tx: Transaction, to old: Project) throws -> Project {
    let fields = JSONFields(members, path: "")
    var project = old
    project.options = try fields.immutableOption(over: old.options)
    // First it is made changeable, then it is changed: in two requests, as in Keystone.
    guard !old.isImmutable || saysOnlyOptions && !project.isImmutable else { throw Fault.forbidden("It is immutable.") }
    try checkPlace(fields, old)
    if old.isDomain { try fields.checkDomainName(name) }
    project.name = name ?? old.name
    project.enabled = enabled ?? old.enabled
    project.description = description ?? old.description
    project.extra = fields.extra(over: old.extra)
    if project.enabled != old.enabled { try ProjectTree.checkSwitch(tx, old, enabled: project.enabled) }
    try ProjectTable.update(tx, project)
    if let tags {
      try ProjectTable.setTags(tx, old.id, tags)
      project.tags = Set(tags).sorted()
    }
    if old.enabled && !project.enabled { try ProjectTable.voidTokens(tx, project) }
    return project
  }

  /// A project stays where it is.
  private func checkPlace(_ fields: JSONFields, _ old: Project) throws {
    if members["domain_id"] != nil { try fields.unchanged("domain_id", old.domainID) }
    if let parent = fields.value("parent_id"), parent.string != old.parentID {
      throw Fault.forbidden("A project's parent_id cannot be changed.")
    }
    guard members["is_domain"] != nil, let flag = try fields.flag("is_domain") else { return }
    guard flag == old.isDomain else { throw fields.invalid("is_domain", "it cannot be changed") }
  }
}

extension JSONFields {
  /// A project's tags, without the blanks around them; nil where it is absent. Throws `Fault` 400.
  func tags() throws -> [String]? {
    guard has("tags") else { return nil }
    guard let tags = try optionalStrings("tags", countMax: Self.tagsMax) else {
      throw invalid("tags", "it must not be null")
    }
    guard tags.allSatisfy(Self.isTag) else {
      throw invalid("tags", "a tag has 1 to 255 characters, none of them a comma or a slash")
    }
    guard Set(tags).count == tags.count else { throw invalid("tags", "each tag may be there once") }
    return tags.map(Self.stripped)
  }

  /// Tags of a project at the most.
  static let tagsMax = 80

  static func isTag(_ text: String) -> Bool {
    (1...255).contains(text.count) && !stripped(text).isEmpty
      && !text.contains { $0 == "," || $0 == "/" || $0 == "\0" }
  }
}
