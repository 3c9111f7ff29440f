import Kit
import Store
import Synchronization

/// The enabled service providers as tokens show them, for as long as nothing in identity has changed.
final class ServiceProviderCache: Sendable {
  private let kept = Mutex<(stamp: TokenCache.Stamp, json: [UInt8]?)?>(nil)

  /// What was read at `stamp`; nil where nothing was.
  func find(at stamp: TokenCache.Stamp) -> (json: [UInt8]?, isKnown: Bool) {
    kept.withLock { kept in
      guard let kept, kept.stamp == stamp else { return (nil, false) }
      return (kept.json, true)
    }
  }

  /// Remembers what was read after `stamp` was taken.
  func keep(_ json: [UInt8]?, at stamp: TokenCache.Stamp) { kept.withLock { $0 = (stamp, json) } }
}

extension IdentityCore {
  /// Service providers that a token shows at the most.
  private static let shownMax = 1000

  /// The enabled service providers as JSON, an array; nil where there are none. Throws `StoreError`.
  func serviceProvidersJSON() async throws -> [UInt8]? {
    let stamp = stamp
    if let stamp, case let found = serviceProviders.find(at: stamp), found.isKnown { return found.json }
    let enabled = try await store.read { tx in
      try FederationTable.serviceProviders(tx, ["s.enabled = 1"], Chunk(count: Self.shownMax))
    }
    var json: [UInt8]?
    if !enabled.isEmpty {
      var writer = JSONWriter()
      writer.array(enabled) { json, provider in
        json.object {
          $0.field("id", provider.id)
          $0.field("auth_url", provider.authURL)
          $0.field("sp_url", provider.spURL)
        }
      }
      json = writer.bytes
    }
    if let stamp { serviceProviders.keep(json, at: stamp) }
    return json
  }
}
