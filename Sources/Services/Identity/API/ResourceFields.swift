import API
import Auth
import Foundation
import Kit

extension JSONFields {
  /// A name without the blanks around it: they count for its length, and are not kept, as in Keystone.
  func strippedName(_ length: Int) throws -> String {
    Self.stripped(try name(length))
  }

  /// The text without the blanks around it.
  static func stripped(_ text: String) -> String { text.trimmingCharacters(in: .whitespacesAndNewlines) }

  /// A new name without the blanks around it; nil where the request does not say one.
  func newStrippedName(_ length: Int) throws -> String? { has("name") ? try strippedName(length) : nil }

  /// The name of a domain, which is not the one that Keystone keeps for itself. Throws `Fault` 400.
  func checkDomainName(_ name: String?) throws {
    guard name?.lowercased() != "federated" else { throw invalid("name", "no domain may be called so") }
  }

  /// Refuses an id that is not the path's. Throws `Fault` 400.
  func sameID(_ id: String) throws {
    guard let asked = value("id"), asked != .null else { return }
    guard asked.string == id else { throw invalid("id", "it cannot be changed") }
  }
}

extension Call {
  /// The domain that the lists of a token scoped to a domain are confined to, whatever its roles; nil for others.
  var listedDomain: String? { caller?.domainID }

  /// The domain that something new is made in: what the body says, else that of a token scoped to a domain, else the
  /// default one. Who may make it in one domain only has to name that domain, as in Keystone. Throws `Fault` 403.
  func domainOfNew(_ asked: String?) throws -> String {
    try require(on: PolicyTarget(domainIDs: asked.map { [$0] } ?? []))
    return try asked ?? principal().domainID ?? Bootstrap.domainID
  }

  /// The target of a policy for what belongs to no domain and no project: any project's token will do.
  var cloudTarget: PolicyTarget { PolicyTarget(projectID: caller?.projectID) }
}

extension User {
  var policyTarget: PolicyTarget { PolicyTarget(domainIDs: [domainID], userIDs: [id]) }
}

extension Group {
  var policyTarget: PolicyTarget { PolicyTarget(domainIDs: [domainID]) }
}

extension Project {
  /// As a project. One that is a domain belongs to none.
  var policyTarget: PolicyTarget { PolicyTarget(domainIDs: domainID.map { [$0] } ?? [], projectID: id) }

  /// As a domain, which the token of a project in it may see, too.
  func policyTarget(domainFor caller: Principal?) -> PolicyTarget {
    PolicyTarget(domainIDs: [id], projectID: caller?.project.flatMap { $0.domainID == id ? $0.id : nil })
  }
}
