import API
import Auth
import Crypto
import Kit
import Store

/// Credentials of any kind that are kept for users. All routes are `undelegated`.
struct CredentialRoutes: Sendable {
  let core: IdentityCore

  var routes: [Route] {
    let list = "/v3/credentials"
    let one = list + "/{credential_id}"
    let change = IdentityPolicy.adminOrOwnerOfAnyScope
    return [
      .undelegated(
        .get, list, .identity("list_credentials", IdentityPolicy.adminOrSystemReaderOrOwnerOfAnyScope),
        query: .list(Self.filters.parameters)
      ) { try await self.list($0) },
      .undelegated(
        .post, list, .identity("create_credential", change), query: .unread, body: .needed(.newCredential)
      ) { try await create($0) },
      .undelegated(
        .get, one, .identity("get_credential", IdentityPolicy.adminOrSystemReaderOrOwnerOfAnyScope), query: .unread
      ) { try await show($0) },
      .undelegated(
        .patch, one, .identity("update_credential", change), query: .unread, body: .needed(.credentialPatch)
      ) { try await update($0) },
      .undelegated(.delete, one, .identity("delete_credential", change), query: .unread) { try await delete($0) },
    ]
  }

  private static let filters: TextFilters = ["user_id": "c.user_id", "type": "c.type"]

  /// All for those who may see every credential, else the caller's own.
  private func list(_ call: Call) async throws -> Reply {
    var conditions = Self.filters.conditions(call.query)
    if !call.permission.allowsEverywhere(call.caller) {
      conditions.append("c.user_id = \(try call.principal().userID)")
    }
    let fixed = conditions
    return try await call.list(
      "credentials", from: core.store,
      read: { [keys = core.credentialKeys] in try CredentialTable.list($0, keys, fixed, $1) }, id: \.id
    ) { $0.credential($1, call) }
  }

  /// The credential of the path, which the caller may use as the route says. Throws `Fault` 403, 404.
  private func found(_ tx: Transaction, _ call: Call) throws -> Credential {
    let id = try call.parameter("credential_id")
    let found = try CredentialTable.find(tx, core.credentialKeys, id)
    try call.require(on: found.map { PolicyTarget(userIDs: [$0.userID]) })
    guard let found else { throw Fault.noSuch("credential", id) }
    return found
  }

  private func show(_ call: Call) async throws -> Reply {
    let found = try await core.store.read { tx in try self.found(tx, call) }
    return Reply.one(200, "credential") { $0.credential(found, call) }
  }

  private func delete(_ call: Call) async throws -> Reply {
    try await core.store.write { tx in try CredentialTable.delete(tx, try found(tx, call).id) }
    return .done
  }

  private func create(_ call: Call) async throws -> Reply {
    let fields = try call.object("credential")
    let user = try fields.string("user_id", 1...64)
    try call.require(on: PolicyTarget(userIDs: [user]))
    let type = try fields.string("type", 1...255)
    let project = try fields.optionalString("project_id", 1...64)
    let blob = try fields.string("blob", 0...JSONShape.blobMax)
    var id = Identifier.hex()
    if type.lowercased() == Credential.ec2 {
      guard project != nil else { throw fields.invalid("project_id", "it is required for a credential of type ec2") }
      id = EC2Key.id(access: try EC2Key(blob: blob).access)
    }
    var credential = Credential(
      id: id, userID: user, projectID: project, type: type, blob: Secret(blob), extra: [:])
    _ = fields.value("id")
    credential.extra = fields.newExtra()
    let (made, now) = (credential, core.now())
    try await core.write("credential") { tx in
      guard try UserTable.find(tx, user) != nil else { throw Fault.noSuch("user", user) }
      if let project, try ProjectTable.forToken(tx, project, isDomain: false) == nil {
        throw Fault.noSuch("project", project)
      }
      try CredentialTable.insert(tx, core.credentialKeys, made, at: now)
    }
    return Reply.one(201, "credential") { $0.credential(made, call) }
  }

  /// Only what it holds can change: never whose it is, and for which project.
  private func update(_ call: Call) async throws -> Reply {
    let fields = try call.object("credential")
    let blob = try fields.string("blob", 0...JSONShape.blobMax)
    // `openstack credential set` says them all anew; what is said must be what is.
    let said = ["type", "user_id", "project_id"].compactMap { name in fields.value(name).map { (name, $0.string) } }
    let now = core.now()
    let changed = try await core.store.write { tx in
      var credential = try found(tx, call)
      let kept = ["type": credential.type, "user_id": credential.userID, "project_id": credential.projectID]
      for (name, value) in said where value != kept[name] ?? nil {
        throw Fault.badRequest("Invalid input for credential.\(name): it cannot be changed.")
      }
      if credential.type.lowercased() == Credential.ec2 { _ = try EC2Key(blob: blob) }
      try CredentialTable.setBlob(tx, core.credentialKeys, credential.id, Secret(blob), at: now)
      credential.blob = Secret(blob)
      return credential
    }
    return Reply.one(200, "credential") { $0.credential(changed, call) }
  }
}

extension JSONWriter {
  mutating func credential(_ credential: Credential, _ call: Call) {
    object {
      $0.field("id", credential.id)
      $0.field("user_id", credential.userID)
      $0.field("project_id", credential.projectID)
      $0.field("type", credential.type)
      $0.field("blob", credential.blob.reveal())
      $0.extra(credential.extra)
      $0.links(call.link("/credentials/\(credential.id)"))
    }
  }
}
