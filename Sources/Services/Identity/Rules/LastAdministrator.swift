import API
import Auth
import Contracts
import Store

/// Refuses what would leave the system, or a domain or project that holds something, without an administrator.
///
/// What is compared is what holds before and after, so that it does not matter how somebody would lose the role: by the
/// user, the group, the role, the grant, the membership or the domain. A place that had no administrator before cannot
/// lose one, and of a domain or project that holds nothing nothing is lost.
struct LastAdministrator: Sendable {
  /// Projects looked at of one that loses its administrator, at the most.
  private static let projectsMax = 500

  let holders: [any ResourceHolder]
  /// Whether an administrator says that it is meant.
  let force: Bool

  init(_ core: IdentityCore, _ call: Call) throws {
    holders = core.holders
    force = try call.query.bool("force") ?? false && call.principal().isAdmin
  }

  /// Runs `change`. Throws `Fault` 409 where it takes the last administrator away, and what `change` throws.
  func keep<T>(_ tx: Transaction, _ change: () throws -> T) throws -> T {
    if force { return try change() }
    let before = try AdministratorTable.places(tx)
    let result = try change()
    let lost = before.subtracting(try AdministratorTable.places(tx))
    if lost.isEmpty { return result }
    if lost.contains(.system) { throw Self.fault("the system", "--system all") }
    for place in lost {
      guard let id = place.projectID else { continue }
      let all = try AdministratorTable.tree(tx, id, countMax: Self.projectsMax)
      // Who administers a domain, or inherits, answers for the projects below.
      let isDomain = try ProjectTable.find(tx, id)?.isDomain ?? false
      let bare = try AdministratorTable.unadministered(tx, place.inherited ? all : [id])
      let concerned = place.inherited ? bare : bare.isEmpty ? [] : isDomain ? all : [id]
      let holdings = try holdings(tx, concerned)
      guard !holdings.isEmpty, let project = try ProjectTable.find(tx, id) else { continue }
      let kind = project.isDomain ? "domain" : "project"
      let things = holdings.map { "\($0.count) \($0.kind)\($0.count == 1 ? "" : "s")" }.joined(separator: ", ")
      throw Self.fault("\(kind) \(project.name.quoted), which holds \(things)", "--\(kind) \(project.id)")
    }
    return result
  }

  private func holdings(_ tx: Transaction, _ projects: [String]) throws -> [Holding] {
    if projects.isEmpty { return [] }
    return try holders.flatMap { try $0.holdings(tx, projects: projects, idsMax: 0) }
  }

  private static func fault(_ place: String, _ option: String) -> Fault {
    .conflict(
      "This would take away the last administrator of \(place). Give somebody else the role admin there first "
        + "(openstack role add --user USER \(option) admin), or repeat the request with ?force=true where it is meant.")
  }
}

extension IdentityCore {
  /// A write that may not take the last administrator away, unless the request says `force`; see `LastAdministrator`.
  /// A name that is taken already becomes `Fault` 409 about `kind`.
  func writeKeepingAdministrators<T: Sendable>(
    _ call: Call, _ kind: String = "resource", _ body: @escaping @Sendable (Transaction) throws -> T
  ) async throws -> T {
    let rule = try LastAdministrator(self, call)
    return try await write(kind) { tx in try rule.keep(tx) { try body(tx) } }
  }
}
