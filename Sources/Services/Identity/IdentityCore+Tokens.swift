import API
import Auth
import Kit
import Store

/// Looking at tokens, and at the catalogue that goes with them.
extension IdentityCore {
  /// What a token of ours carries; nil where no key opens it.
  func payload(_ token: Secret<String>) -> TokenPayload? {
    guard token.reveal().utf8.count <= TokenPayload.sealedBytesMax else { return nil }
    return keys.open(token.reveal()).flatMap(TokenPayload.init(decoding:))
  }

  /// The state that what is read from now on belongs to; nil where the store cannot say.
  var stamp: TokenCache.Stamp? {
    store.commits(to: "identity").map { .init(commits: $0, keys: keys.changes) }
  }

  /// What a token is worth now; nil where it is not valid. Throws `StoreError`.
  func verify(_ token: Secret<String>) async throws -> VerifiedToken? {
    let now = now()
    guard let stamp else {
      cache.noteUnasked()
      guard let payload = payload(token), now < payload.expiresAt else { return nil }
      return try await store.read { tx in try TokenRules.verify(tx, payload, at: now) }
    }
    let digest = TokenDigest(token)
    if let known = cache.find(digest, at: stamp, now: now) { return known }
    guard let payload = payload(token), now < payload.expiresAt else { return nil }
    let verified = try await store.read { tx in try TokenRules.verify(tx, payload, at: now) }
    if let verified { cache.keep(digest, verified, at: stamp) }
    return verified
  }

  /// The same, also for a token that ended not longer ago than an operator allows: a service that was asked with it may
  /// go on with what takes long. Throws `StoreError`.
  func verifyEnded(_ token: Secret<String>) async throws -> VerifiedToken? {
    let now = now()
    let window = settings.expiredTokenSeconds
    guard let payload = payload(token), now < payload.expiresAt.adding(seconds: window) else { return nil }
    return try await store.read { tx in try TokenRules.verify(tx, payload, at: now, window: window) }
  }

  /// A catalogue's entries as JSON, an array.
  func catalogJSON(_ entries: [CatalogEntry]) -> [UInt8] {
    var json = JSONWriter(capacity: 8 * 1024)
    json.array(entries) { $0.catalogEntry($1) }
    return json.bytes
  }
}
