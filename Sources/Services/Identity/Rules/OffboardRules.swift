import API
import Auth
import Contracts
import Kit
import Store

/// Lets a person leave: what programs log in with becomes the project's own, and the person is disabled.
///
/// Each application credential and EC2 key gets a user of its own, a service principal, with the roles that it had on
/// its project and no other: not the successor's. Whoever leaves may know the secret, and must not become the successor
/// by it. Servers, networks and images belong to projects: nothing of them changes.
struct OffboardRules: Sendable {
  /// Things moved at once at the most.
  static let movedMax = 200
  /// Trusts told of at the most.
  private static let trustsMax = 100

  let core: IdentityCore
  let userID: String
  let successorID: String
  let newSecrets: Bool

  /// Carries the plan out of the transaction that is undone by throwing it.
  private struct Planned: Error {
    var offboarding: Offboarding
  }

  /// What would be done. Throws `Fault`.
  func plan(_ rule: LastAdministrator) async throws -> Offboarding {
    do {
      try await core.store.write { tx in throw Planned(offboarding: try run(tx, rule, secrets: [:])) }
    } catch let planned as Planned {
      return planned.offboarding
    }
    throw Fault.noSuch("user", userID)
  }

  /// Does it. Throws `Fault` 404 for users that are not there, 409 where it cannot be done.
  func run(_ rule: LastAdministrator) async throws -> Offboarding {
    var secrets: [String: (secret: Secret<String>, hash: String)] = [:]
    if newSecrets {
      for credential in try await core.store.read({ tx in try credentials(tx) }) {
        let secret = Self.newSecret()
        secrets[credential.id] = (secret, try await core.hasher.hash(secret))
      }
    }
    let known = secrets
    return try await core.write("user") { tx in try run(tx, rule, secrets: known) }
  }

  private static func newSecret() -> Secret<String> {
    Secret(Base64URL.encode((0..<64).map { _ in UInt8.random(in: 0...255) }))
  }

  private func run(
    _ tx: Transaction, _ rule: LastAdministrator, secrets: [String: (secret: Secret<String>, hash: String)]
  ) throws -> Offboarding {
    guard let user = try UserTable.find(tx, userID) else { throw Fault.noSuch("user", userID) }
    guard let successor = try UserTable.find(tx, successorID) else { throw Fault.noSuch("user", successorID) }
    guard user.id != successor.id else { throw Fault.badRequest("Nobody takes over from himself.") }
    guard successor.enabled else { throw Fault.conflict("The user \(successor.name.quoted) is disabled.") }
    var result = Offboarding(
      user: Named(id: user.id, name: user.name), successor: Named(id: successor.id, name: successor.name))
    let reached = try ReachTable.projects(tx)
    for credential in try credentials(tx) {
      let isOver = credential.expiresAt.map { $0 <= core.now() } ?? false
      let moved = isOver ? nil : try move(tx, credential, of: user, secrets[credential.id])
      if let moved {
        result.moved.append(moved)
      } else {
        result.left.append(.init(id: credential.id, name: credential.name))
      }
    }
    for key in try keys(tx) {
      if let moved = try move(tx, key, of: user) { result.moved.append(moved) }
    }
    for holder in core.holders {
      result.keys += try holder.give(tx, from: user.id, label: user.name, to: successor.id)
    }
    result.trusts = try trusts(tx)
    try rule.keep(tx) {
      var disabled = user
      disabled.enabled = false
      try UserTable.update(tx, disabled)
    }
    try UserTable.voidTokens(tx, user.id)
    result.unreachable = try unreachable(tx, reached)
    return result
  }

  // MARK: What programs log in with

  private func credentials(_ tx: Transaction) throws -> [ApplicationCredential] {
    let all = try ApplicationCredentialTable.list(tx, ["c.user_id = \(userID)"], Chunk(count: Self.movedMax + 1))
    guard all.count <= Self.movedMax else {
      throw Fault.conflict(
        "The user has more than \(Self.movedMax) application credentials. Delete what is not needed.")
    }
    return all
  }

  private func keys(_ tx: Transaction) throws -> [Credential] {
    try CredentialTable.list(
      tx, core.credentialKeys, ["c.user_id = \(userID)", "c.type = \(Credential.ec2)"], Chunk(count: Self.movedMax))
  }

  /// nil where none of its roles is the user's any more: it is worth nothing, and stays so.
  private func move(
    _ tx: Transaction, _ credential: ApplicationCredential, of user: User,
    _ new: (secret: Secret<String>, hash: String)?
  ) throws -> Offboarding.Moved? {
    let held = try AssignmentTable.effectiveRoles(tx, user: user.id, .project(credential.projectID)).map(\.id)
    let roles = credential.roles.filter { held.contains($0.id) }
    guard !roles.isEmpty, let project = try ProjectTable.project(tx, credential.projectID) else { return nil }
    let owner = try principal(
      tx, named: credential.name, id: credential.id, user, "application credential", project, roles)
    let confining = try AccessRuleTable.rules(tx, credential: credential.id)
    try tx.execute(
      "DELETE FROM identity_application_credential_access_rule WHERE credential_id = \(credential.id)")
    try AccessNotes.row(tx, "identity_application_credential", credential.id) {
      _ = try tx.execute(
        "UPDATE identity_application_credential SET user_id = \(owner.id) WHERE id = \(credential.id)")
    }
    for rule in confining {
      var own = rule
      own.id = Identifier.hex()
      try AccessRuleTable.confine(
        tx, credential: credential.id, to: try AccessRuleTable.same(tx, user: owner.id, as: own))
    }
    if let new {
      try tx.execute(
        "UPDATE identity_application_credential SET secret_hash = \(new.hash) WHERE id = \(credential.id)")
    }
    return Offboarding.Moved(
      kind: "application_credential", id: credential.id, name: credential.name,
      project: Named(id: project.id, name: project.name), owner: owner, roles: roles.map(\.name),
      newSecret: new?.secret)
  }

  private func move(_ tx: Transaction, _ credential: Credential, of user: User) throws -> Offboarding.Moved? {
    guard let id = credential.projectID, let project = try ProjectTable.project(tx, id),
      let key = try? EC2Key(blob: credential.blob.reveal())
    else { return nil }
    let roles = try AssignmentTable.effectiveRoles(tx, user: user.id, .project(id)).map {
      Named(id: $0.id, name: $0.name)
    }
    if roles.isEmpty { return nil }
    let name = "ec2-" + key.access.prefix(8)
    let owner = try principal(tx, named: name, id: credential.id, user, "EC2 key", project, roles)
    try AccessNotes.row(tx, "identity_credential", credential.id) {
      _ = try tx.execute("UPDATE identity_credential SET user_id = \(owner.id) WHERE id = \(credential.id)")
    }
    var moved = Offboarding.Moved(
      kind: Credential.ec2, id: credential.id, name: key.access, project: Named(id: project.id, name: project.name),
      owner: owner, roles: roles.map(\.name))
    if newSecrets {
      let secret = Secret(Identifier.hex())
      try CredentialTable.setBlob(
        tx, core.credentialKeys, credential.id, EC2Key(access: key.access, secret: secret).blob, at: core.now())
      moved.newSecret = secret
    }
    return moved
  }

  /// A new user without a password, with these roles on the project.
  private func principal(
    _ tx: Transaction, named name: String, id: String, _ user: User, _ what: String, _ project: Project,
    _ roles: [Named]
  ) throws -> Named {
    let suffix = "-" + id.prefix(8)
    let isTaken = try UserTable.id(tx, .name(name, .id(user.domainID))) != nil
    let owner = User(
      id: Identifier.hex(), domainID: user.domainID, name: isTaken ? name + suffix : name, enabled: true,
      defaultProjectID: nil, options: [:],
      extra: [
        "description": .string(
          "Service principal of the \(what) \(id) in project \(project.id); it was \(user.name)'s until he left.")
      ])
    try UserTable.insert(tx, owner, at: core.now())
    for role in roles { try AssignmentTable.insert(tx, .user(owner.id), .project(project.id), role: role.id) }
    return Named(id: owner.id, name: owner.name)
  }

  // MARK: What is only told

  private func trusts(_ tx: Transaction) throws -> [JSONValue] {
    try TrustTable.list(
      tx, ["(t.trustor_user_id = \(userID) OR t.trustee_user_id = \(userID))"], Chunk(count: Self.trustsMax)
    ).map { trust in
      .object([
        "id": .string(trust.id), "trustor_user_id": .string(trust.trustorID),
        "trustee_user_id": .string(trust.trusteeID), "project_id": trust.projectID.map { .string($0) } ?? .null,
      ])
    }
  }

  private func unreachable(_ tx: Transaction, _ before: Set<String>) throws -> [Impact.Lost] {
    let lost = try before.subtracting(ReachTable.projects(tx)).sorted().prefix(Self.movedMax)
    let names = try ProjectTable.names(tx, Array(lost))
    return try lost.compactMap { id in
      let holdings = try core.holders.flatMap { try $0.holdings(tx, projects: [id], idsMax: 20) }
      return holdings.isEmpty ? nil : Impact.Lost(project: Named(id: id, name: names[id] ?? id), holdings: holdings)
    }
  }
}
