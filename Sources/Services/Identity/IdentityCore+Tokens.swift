import API
import Auth
import Kit
import Store

/// Looking at tokens, and at the catalogue that goes with them.
extension IdentityCore {
  /// What a token of ours carries; nil where no key opens it.
  func payload(_ token: Secret<String>) -> TokenPayload? {
    keys.open(token.reveal()).flatMap(TokenPayload.init(decoding:))
  }

  /// The state that what is read from now on belongs to; nil where the store cannot say.
  private var stamp: TokenCache.Stamp? {
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

  /// The catalogue as JSON, an array. Throws `StoreError`.
  func catalogJSON() async throws -> [UInt8] {
    let stamp = stamp
    if let stamp, let known = cache.catalog(at: stamp) { return known }
    let json = catalogJSON(try await store.read { tx in try CatalogTable.catalog(tx) })
    if let stamp { cache.keep(catalog: json, at: stamp) }
    return json
  }

  /// The catalogue's entries as JSON, an array.
  func catalogJSON(_ entries: [CatalogEntry]) -> [UInt8] {
    var json = JSONWriter(capacity: 8 * 1024)
    json.array(entries) { $0.catalogEntry($1, base: baseURL) }
    return json.bytes
  }
}
