import API
import Auth
import Kit
import Store

/// Tokens for requests that were signed with a key of EC2's or S3's. Only services ask for them: who saw a signed
/// request on its way must not get a token for it.
struct SignedRequestRoutes: Sendable {
  /// How long a URL can be signed for, in seconds: AWS's limit for version 4. The service that serves it knows its end.
  private static let presignedSeconds: Double = 7 * 86_400

  let core: IdentityCore

  var routes: [Route] {
    [
      Route(
        .post, "/v3/ec2tokens", .identity("ec2tokens_validate", IdentityPolicy.adminOrServiceOfAnyScope),
        query: .unread, body: .needed(.signedRequest)
      ) { try await ec2($0) },
      Route(
        .post, "/v3/s3tokens", .identity("s3tokens_validate", IdentityPolicy.adminOrServiceOfAnyScope),
        query: .unread, body: .needed(.signedRequest)
      ) { try await s3($0) },
    ]
  }

  /// A request is taken once, and only near the time that was signed with it.
  private func ec2(_ call: Call) async throws -> Reply {
    let request = try SignedRequest(try call.body())
    let (credential, secret) = try await key(request)
    guard let at = request.signedAt(ec2: secret), isNear(at) else { throw LoginRules.refusal }
    let end = at.adding(seconds: core.settings.signatureSeconds)
    let use: Recognised.Use = { tx, _ in
      guard try CredentialTable.noteSignature(tx, request.digest, until: end) else { throw LoginRules.refusal }
    }
    let issued = try await issue(credential, uses: [use])
    return reply(issued, headers: [("X-Subject-Token", issued.token.reveal())])
  }

  /// A storage service asks about the same signature as often as it is shown to it: a signed URL may be used many
  /// times.
  /// So it is only the time that is looked at.
  private func s3(_ call: Call) async throws -> Reply {
    let request = try SignedRequest(try call.body())
    let (credential, secret) = try await key(request)
    let signed = request.signed(s3: secret)
    guard signed.fits else { throw LoginRules.refusal }
    if let at = signed.at {
      let age = core.now().seconds(since: at)
      guard age >= -core.settings.signatureSeconds, age <= Self.presignedSeconds else { throw LoginRules.refusal }
    }
    if let at = try request.saidTime(), !isNear(at) { throw LoginRules.refusal }
    return reply(try await issue(credential, uses: []), headers: [])
  }

  private func isNear(_ moment: Timestamp) -> Bool {
    abs(core.now().seconds(since: moment)) <= core.settings.signatureSeconds
  }

  /// The credential that the request names, with the secret it is to be signed with. Throws `Fault` 404.
  private func key(_ request: SignedRequest) async throws -> (Credential, Secret<String>) {
    let found = try await core.store.read { tx in
      try CredentialTable.find(tx, core.credentialKeys, EC2Key.id(access: request.access))
    }
    guard let found, found.type == Credential.ec2, found.projectID != nil,
      let key = try? EC2Key(blob: found.blob.reveal()), key.access == request.access, let secret = key.secret
    else { throw Fault.notFound("The access key could not be found.") }
    return (found, secret)
  }

  /// A token of the credential's user for the credential's project, and of nobody and nothing else.
  private func issue(_ credential: Credential, uses: [Recognised.Use]) async throws -> LoginRules.Issued {
    guard let project = credential.projectID else { throw LoginRules.refusal }
    var recognised = Recognised(userID: credential.userID, methods: .ec2credential)
    recognised.scope = .project(.id(project))
    recognised.uses = uses
    recognised.rechecks = [
      // It may have gone, or have another secret, since it was read.
      { [keys = core.credentialKeys] tx, _, _ in
        guard try CredentialTable.find(tx, keys, credential.id)?.blob.reveal() == credential.blob.reveal() else {
          throw LoginRules.refusal
        }
      }
    ]
    let outcome = try await LoginRules(core: core).issue(recognised, .standard, withCatalog: true)
    guard case .token(let issued) = outcome else { throw LoginRules.refusal }
    await core.noteUse(.credential, credential.id)
    return issued
  }

  private func reply(_ issued: LoginRules.Issued, headers: [(name: String, value: String)]) -> Reply {
    Reply.json(200, headers: headers) { json in
      json.field("token") { json in
        TokenBody.write(&json, issued.principal)
        if let catalog = issued.catalog {
          json.key("catalog")
          json.raw(catalog)
        }
      }
    }
  }
}
