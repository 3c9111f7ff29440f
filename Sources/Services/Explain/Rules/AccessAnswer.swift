import API
import Auth
import Contracts
import Kit
import Store

extension Permission.Rule {
  /// The rule as clauses; nil where it asks for no role: nobody need be known, or any valid token will do.
  var clauses: [PolicyClause]? {
    let admin = PolicyClause("admin", .everywhere)
    return switch self {
    case .open, .authenticated: nil
    case .admin: [admin]
    case .systemReader: [admin, PolicyClause("reader", .system)]
    case .projectReader: [admin, PolicyClause("reader", .project)]
    case .projectMember: [admin, PolicyClause("member", .project)]
    case .any(let clauses): clauses
    }
  }
}

extension PolicyClause {
  /// For people: `role member in the resource's project`.
  var words: String {
    let who = role.map { "role \($0)" } ?? "any role"
    let names = targetRoles.map { " (to give or take \($0.sorted().joined(separator: ", ")))" } ?? ""
    let words =
      switch reach {
      case .everywhere: "\(who) anywhere"
      case .system: "\(who) on the system"
      case .domain: "\(who) in the resource's domain"
      case .project: "\(who) in the resource's project"
      case .own: role == nil ? "the resource is one's own" : "\(who), and the resource is one's own"
      }
    return words + names
  }
}

/// Who may do something, and by which roles.
struct WhoCan: Sendable {
  /// Ways told of one clause at the most.
  static let pathsMax = 200

  /// One way in, and who has it.
  struct Way: Sendable {
    var clause: PolicyClause
    var holders: [AccessPath]
  }

  var permission: Permission
  var target: AccessTarget?
  /// nil where no role is asked for.
  var ways: [Way]?

  /// Throws `Fault` 404 for an action or a resource that nobody knows.
  init(
    _ tx: Transaction, _ context: ExplainContext, _ access: any AccessContract, permissions: [Permission],
    action: String, resource: String?, principal: Principal
  ) throws {
    guard let permission = permissions.first(where: { $0.name == action }) else {
      let near = permissions.map(\.name).filter { $0.contains(action) || action.contains($0) }.sorted().prefix(10)
      throw Fault.notFound(
        "No route asks for \(action.quoted)." + (near.isEmpty ? "" : " There are \(near.joined(separator: ", "))."))
    }
    self.permission = permission
    target = try resource.map { try Self.target(tx, context, access, $0, principal) }
    ways = try permission.rule.clauses.map { clauses in
      try clauses.map { clause in
        Way(
          clause: clause,
          holders: try access.holders(tx, of: clause, on: target?.policy, limit: Self.pathsMax))
      }
    }
  }

  static func target(
    _ tx: Transaction, _ context: ExplainContext, _ access: any AccessContract, _ text: String, _ principal: Principal
  ) throws -> AccessTarget {
    if let known = try access.accessTarget(tx, text) { return known }
    let found = try Finder(context: context, principal: principal).resources(tx, text)
    guard let mention = found.first(where: { $0.key.id == text }) ?? (found.count == 1 ? found[0] : nil) else {
      throw Fault.notFound("Nothing, or more than one thing, is called \(text.quoted).")
    }
    return AccessTarget(
      kind: mention.key.kind, id: mention.key.id, name: mention.name,
      policy: PolicyTarget(projectID: mention.projectID))
  }

  var text: String {
    var page = TextPage()
    let on = target.map { " on \($0.kind) \($0.name.isEmpty ? $0.id : $0.name)" } ?? ""
    guard let ways else {
      return "\(permission.name) asks for no role: "
        + (permission.rule == .open ? "anybody may, without a token.\n" : "whoever has a valid token may.\n")
    }
    page.line("Who can \(permission.name)\(on):")
    for way in ways {
      page.section("", way.clause.words)
      if way.holders.isEmpty { page.item("nobody", deeper: 2) }
      for path in way.holders { page.item(Self.words(path), deeper: 2) }
    }
    return page.text
  }

  static func words(_ path: AccessPath) -> String {
    let role = path.role.map { "role \($0) on \(path.place)" } ?? path.place
    return path.userName + (path.enabled ? "" : " (disabled)") + ": " + role
      + (path.inherited ? ", inherited by the projects below" : "") + (path.group.map { ", by group \($0)" } ?? "")
  }

  func write(_ json: inout JSONWriter) {
    json.object {
      $0.field("action", permission.name)
      $0.field("resource") { json in
        json.field("kind", target?.kind)
        json.field("id", target?.id)
        json.field("name", target?.name)
      }
      $0.field("asks_for_no_role", ways == nil)
      $0.field("ways", ways ?? []) { json, way in
        json.object {
          $0.field("needs", way.clause.words)
          $0.field("holders", way.holders) { $0.path($1) }
        }
      }
    }
  }
}

extension JSONWriter {
  mutating func path(_ path: AccessPath) {
    object {
      $0.field("user_id", path.userID)
      $0.field("user_name", path.userName)
      $0.field("enabled", path.enabled)
      $0.field("role", path.role)
      $0.field("place", path.place)
      $0.field("group", path.group)
      $0.field("inherited", path.inherited)
    }
  }
}
