import API
import Kit
import Store

/// The hierarchy of projects below their domains.
enum ProjectTree {
  /// Levels of projects below a domain (Keystone's `max_project_tree_depth`).
  static let depthMax = 5
  /// Projects shown below another at the most.
  static let subtreeMax = 10_000

  /// Where a new project stands: below its parent, or at the top of its domain.
  /// Throws `Fault` 400 for a parent or domain that is not there, that do not fit together or are disabled, 403 where
  /// it would be too deep.
  static func check(_ tx: Transaction, domain: String, parent: String, _ model: LimitModel) throws {
    guard try ProjectTable.domain(tx, domain) != nil else {
      throw Fault.badRequest("Could not find domain: \(domain.quoted).")
    }
    guard let above = try ProjectTable.find(tx, parent) else {
      throw Fault.badRequest("Could not find the parent project: \(parent.quoted).")
    }
    guard (above.domainID ?? above.id) == domain else {
      throw Fault.badRequest("The parent project does not belong to the domain \(domain.quoted).")
    }
    let line = try ProjectTable.parents(tx, of: parent) + [above]
    if let disabled = line.first(where: { !$0.enabled }) {
      throw Fault.badRequest("The project \(disabled.id.quoted) above it is disabled.")
    }
    // The domain in the line is no level; the new project is one.
    let levels = model.projectDepthMax ?? depthMax
    guard line.count <= levels else {
      throw Fault.forbidden("No project can be made below \(parent.quoted): the hierarchy has \(levels) levels.")
    }
  }

  /// Whether a project may be enabled or disabled now. Throws `Fault` 403: nothing is enabled below what is disabled. A
  /// domain may be disabled with all that is in it, but for the default one.
  static func checkSwitch(_ tx: Transaction, _ project: Project, enabled: Bool) throws {
    if enabled {
      guard try !ProjectTable.hasDisabledParent(tx, project.id) else {
        throw Fault.forbidden("A project above it is disabled.")
      }
    } else if project.id == Bootstrap.domainID {
      throw Fault.forbidden("The default domain cannot be disabled.")
    } else if !project.isDomain, try ProjectTable.hasEnabledChild(tx, project.id) {
      throw Fault.forbidden("Projects below it are enabled.")
    }
  }

  /// Whether a project or domain may be deleted. Throws `Fault` 403 for a project that is immutable or has others below
  /// it, and for a domain that is the default one, enabled or immutable, or has an immutable project.
  static func checkDelete(_ tx: Transaction, _ project: Project) throws {
    guard !project.isImmutable else { throw Fault.forbidden("It is immutable.") }
    guard project.isDomain else {
      if try ProjectTable.hasChildren(tx, project.id) { throw Fault.forbidden("The project has projects below it.") }
      return
    }
    guard project.id != Bootstrap.domainID else { throw Fault.forbidden("The default domain cannot be deleted.") }
    guard !project.enabled else { throw Fault.forbidden("A domain must be disabled before it can be deleted.") }
    guard try !ProjectTable.hasImmutableProject(tx, domain: project.id) else {
      throw Fault.forbidden("A project of the domain is immutable.")
    }
  }
}
