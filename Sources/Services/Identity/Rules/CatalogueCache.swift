import Auth
import Synchronization

/// Catalogues as JSON, for as long as nothing in identity has changed: shared by as many tokens as can.
final class CatalogueCache: Sendable {
  /// Catalogues remembered at the most; the next one empties the cache.
  static let cataloguesMax = 256

  private struct Holder: Hashable {
    var projectID: String?
    var userID: String?

    init(_ principal: Principal, _ sharing: Catalogue.Sharing) {
      switch sharing {
      case .everybody: break
      case .project: projectID = principal.projectID
      case .userAndProject:
        projectID = principal.projectID
        userID = principal.userID
      }
    }
  }

  private struct State {
    let stamp: TokenCache.Stamp
    let sharing: Catalogue.Sharing
    var json: [Holder: [UInt8]] = [:]
  }
  private let state = Mutex<State?>(nil)

  /// The catalogue of a token as it was at `stamp`; nil where nobody who shares it has asked since.
  func find(for principal: Principal, at stamp: TokenCache.Stamp) -> [UInt8]? {
    state.withLock { state in
      guard let state, state.stamp == stamp else { return nil }
      return state.json[Holder(principal, state.sharing)]
    }
  }

  /// Remembers what was read after `stamp` was taken.
  func keep(
    _ json: [UInt8], for principal: Principal, _ sharing: Catalogue.Sharing, at stamp: TokenCache.Stamp
  ) {
    state.withLock { state in
      var next = State(stamp: stamp, sharing: sharing)
      if let state, state.stamp == stamp { next.json = state.json }
      if next.json.count >= Self.cataloguesMax { next.json.removeAll(keepingCapacity: true) }
      next.json[Holder(principal, sharing)] = json
      state = next
    }
  }
}
