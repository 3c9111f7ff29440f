import API
import Auth
import Kit
import Store

/// `/os-keypairs`: a user's public keys.
struct KeypairRoutes {
  private static let pageMax = 1000

  let context: ComputeContext

  var routes: [Route] {
    [
      Route(.get, "/v2.1/os-keypairs", Permission("os_compute_api:os-keypairs:index", .authenticated), query: .keypairs)
      {
        try await list($0)
      },
      Route(
        .post, "/v2.1/os-keypairs", Permission("os_compute_api:os-keypairs:create", .authenticated), query: .unread,
        body: .needed(.keypair)
      ) {
        try await create($0)
      },
      Route(
        .get, "/v2.1/os-keypairs/{name}", Permission("os_compute_api:os-keypairs:show", .authenticated), query: .keypair
      ) {
        try await show($0)
      },
      Route(
        .delete, "/v2.1/os-keypairs/{name}", Permission("os_compute_api:os-keypairs:delete", .authenticated),
        query: .keypair
      ) {
        try await delete($0)
      },
    ]
  }

  /// Whose keys: the caller's, or from 2.10 on another's for administrators.
  private func user(_ call: Call, _ named: String?, _ action: String) throws -> String {
    let own = try call.principal().userID
    guard call.at(10), let named, named != own else { return own }
    try call.require(ComputePermissions.admin("os-keypairs:\(action)"))
    return named
  }

  private static func missing(_ name: String, _ user: String) -> Fault {
    .notFound("Keypair \(name.quoted) not found for user \(user)")
  }

  private func list(_ call: Call) async throws -> Reply {
    let user = try user(call, call.query["user_id"], "index")
    let page = call.at(35) ? try call.page(default: Self.pageMax, maximum: Self.pageMax) : nil
    let limit = page?.limit ?? Self.pageMax
    let marker = page?.marker
    let keys = try await context.store.read { tx in
      if let marker, try KeypairTable.find(tx, user: user, name: marker) == nil {
        throw Fault.badRequest("marker [\(marker.prefix(255))] not found")
      }
      return try KeypairTable.list(tx, user: user, after: marker, limit: limit)
    }
    return .json { json in
      json.field("keypairs", keys) { json, key in
        json.object { json in
          json.field("keypair") {
            $0.field("name", key.name)
            $0.field("public_key", key.publicKey)
            $0.field("fingerprint", key.fingerprint)
            if call.at(2) { $0.field("type", key.type) }
          }
        }
      }
      json.nextLink(
        "keypairs", call, marker: call.at(35) && limit > 0 && keys.count == limit ? keys.last?.name : nil)
    }
  }

  private func show(_ call: Call) async throws -> Reply {
    let name = try call.parameter("name")
    let user = try user(call, call.query["user_id"], "show")
    let key = try await context.store.read { try KeypairTable.find($0, user: user, name: name) }
    guard let key else { throw Self.missing(name, user) }
    return .json { json in
      json.field("keypair") {
        $0.field("id", key.number)
        $0.field("name", key.name)
        $0.field("user_id", key.userID)
        $0.field("public_key", key.publicKey)
        $0.field("fingerprint", key.fingerprint)
        $0.field("created_at", key.createdAt.iso8601Naive)
        $0.field("updated_at", String?.none)
        $0.field("deleted", false)
        $0.field("deleted_at", String?.none)
        if call.at(2) { $0.field("type", key.type) }
      }
    }
  }

  private func create(_ call: Call) async throws -> Reply {
    let fields = try call.object("keypair")
    let name = try Self.name(fields, call)
    let imported = try fields.optionalString("public_key", 0...OpenSSHKey.publicKeyCharactersMax)
    let type = call.at(2) ? try fields.optionalChoice("type", ["ssh", "x509"]) ?? "ssh" : "ssh"
    let user = try user(call, call.at(10) ? try fields.optionalString("user_id", 1...255) : nil, "create")
    guard type == "ssh" else { throw Fault.badRequest("Keypairs of type x509 are not supported.") }
    if imported == nil, call.at(92) { throw fields.invalid("public_key", "it is required") }
    let made = imported == nil ? OpenSSHKey.generate(comment: "Generated-by-Haneul") : nil
    guard let known = OpenSSHKey.read(imported ?? made?.publicKey ?? "") else {
      throw Fault.badRequest("Keypair data is invalid: failed to generate fingerprint of the public key")
    }
    let key = Keypair(
      userID: user, name: name, number: 0, type: type, publicKey: known.publicKey, fingerprint: known.fingerprint,
      createdAt: .now())
    let project = try call.principal().projectID ?? ""
    try await context.store.write { tx in
      let limit = try ComputeQuota.limits(tx, project: project)["key_pairs"] ?? -1
      if try KeypairTable.insert(tx, key, max: limit) { return }
      if limit >= 0, try KeypairTable.count(tx, user: user) >= limit {
        throw Fault.forbidden("Quota exceeded, too many key pairs.")
      }
      throw Fault.conflict("Key pair \(name.quoted) already exists.")
    }
    return .json(call.at(2) ? 201 : 200) { json in
      json.field("keypair") {
        $0.field("name", key.name)
        $0.field("public_key", key.publicKey)
        $0.field("fingerprint", key.fingerprint)
        $0.field("user_id", key.userID)
        if call.at(2) { $0.field("type", key.type) }
        if let made { $0.field("private_key", made.privateKey.reveal()) }
      }
    }
  }

  /// Letters, digits, blank, `-` and `_`; from 2.92 also `@` and `.`.
  private static func name(_ fields: JSONFields, _ call: Call) throws -> String {
    let name = try fields.string("name", 1...255)
    let extra = call.at(92) ? "@." : ""
    guard name.first != " ", name.last != " ",
      name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "-_ ".contains($0) || extra.contains($0)) })
    else { throw fields.invalid("name", "it has a character that is not allowed") }
    return name
  }

  private func delete(_ call: Call) async throws -> Reply {
    let name = try call.parameter("name")
    let user = try user(call, call.query["user_id"], "delete")
    guard try await context.store.write({ try KeypairTable.delete($0, user: user, name: name) }) else {
      throw Self.missing(name, user)
    }
    return Reply(status: call.at(2) ? 204 : 202)
  }
}
