import API
import Auth
import Kit
import Store

/// A user's EC2 credentials: those of type `ec2`, by their access keys. All routes are `undelegated`.
struct EC2CredentialRoutes: Sendable {
  let core: IdentityCore

  var routes: [Route] {
    let list = "/v3/users/{user_id}/credentials/OS-EC2"
    let one = list + "/{credential_id}"
    return [
      .undelegated(
        .get, list, .identity("ec2_list_credentials", IdentityPolicy.adminOrSystemReaderOrOwner), query: .list([])
      ) { try await self.list($0) },
      .undelegated(
        .post, list, .identity("ec2_create_credential", IdentityPolicy.adminOrMemberWhoIsOwner), query: .unread,
        body: .needed(.ec2Credential)
      ) { try await create($0) },
      .undelegated(
        .get, one,
        .identity("ec2_get_credential", IdentityPolicy.adminOrSystemReaderOrOwner + IdentityPolicy.untilFound),
        query: .unread
      ) { try await show($0) },
      .undelegated(
        .delete, one,
        .identity("ec2_delete_credential", IdentityPolicy.adminOrMemberWhoIsOwner + IdentityPolicy.untilFound),
        query: .unread
      ) { try await delete($0) },
    ]
  }

  private func list(_ call: Call) async throws -> Reply {
    let user = try call.parameter("user_id")
    try call.require(on: PolicyTarget(userIDs: [user]))
    guard try await core.store.read({ tx in try UserTable.find(tx, user) }) != nil else {
      throw Fault.noSuch("user", user)
    }
    let fixed: [SQL] = ["c.user_id = \(user)", "c.type = \(Credential.ec2)"]
    return try await call.list(
      "credentials", from: core.store,
      read: { [keys = core.credentialKeys] in try CredentialTable.list($0, keys, fixed, $1) }, id: \.id
    ) { $0.ec2Credential($1, call) }
  }

  private func create(_ call: Call) async throws -> Reply {
    let user = try call.parameter("user_id")
    try call.require(on: PolicyTarget(userIDs: [user]))
    let project = try call.body().string("tenant_id", 1...64)
    let key = EC2Key(access: Identifier.hex(), secret: Secret(Identifier.hex()))
    let made = Credential(
      id: EC2Key.id(access: key.access), userID: user, projectID: project, type: Credential.ec2, blob: key.blob,
      extra: [:])
    let now = core.now()
    try await core.store.write { tx in
      guard try UserTable.find(tx, user) != nil else { throw Fault.noSuch("user", user) }
      guard try ProjectTable.forToken(tx, project, isDomain: false) != nil else {
        throw Fault.noSuch("project", project)
      }
      try CredentialTable.insert(tx, core.credentialKeys, made, at: now)
    }
    return Reply.one(201, "credential") { $0.ec2Credential(made, call) }
  }

  /// The credential with the access key of the path. Whose it is, is what the store says: the user of the path only has
  /// to exist, as in Keystone. Throws `Fault` 404 before 403, as Keystone does: nobody guesses an access key.
  private func found(_ tx: Transaction, _ call: Call) throws -> Credential {
    let user = try call.parameter("user_id")
    let access = try call.parameter("credential_id")
    guard let found = try CredentialTable.find(tx, core.credentialKeys, EC2Key.id(access: access)),
      found.type == Credential.ec2
    else { throw Fault.noSuch("EC2 credential", access) }
    try call.require(on: PolicyTarget(userIDs: [found.userID]))
    guard try UserTable.find(tx, user) != nil else { throw Fault.noSuch("user", user) }
    return found
  }

  private func show(_ call: Call) async throws -> Reply {
    let found = try await core.store.read { tx in try self.found(tx, call) }
    return Reply.one(200, "credential") { $0.ec2Credential(found, call) }
  }

  private func delete(_ call: Call) async throws -> Reply {
    try await core.store.write { tx in try CredentialTable.delete(tx, try found(tx, call).id) }
    return .done
  }
}

extension JSONWriter {
  mutating func ec2Credential(_ credential: Credential, _ call: Call) {
    let key = try? EC2Key(blob: credential.blob.reveal())
    object {
      $0.field("user_id", credential.userID)
      $0.field("tenant_id", credential.projectID)
      $0.field("access", key?.access)
      $0.field("secret", key?.secret?.reveal())
      $0.field("trust_id", nil as String?)
      $0.links(call.link("/users/\(credential.userID)/credentials/OS-EC2/\(key?.access ?? "")"))
    }
  }
}
