import Foundation
import Synchronization

/// Counts open connections, all and of each address.
final class ConnectionLedger: Sendable {
  private struct State {
    var total = 0
    var byParty: [String: Int] = [:]
  }
  enum Entry {
    case taken
    /// All connections are taken.
    case full
    /// This address has as many as it may have.
    case addressFull
  }
  private let state = Mutex(State())
  private let limits: EdgeLimits
  /// Descriptors that the process needs for other things than connections.
  private static let reserved = 256
  /// Connections beyond the maximum at the most: those being closed count until they are, and a client may take its
  /// time to say farewell.
  private static let closingMax = 64

  /// A process that may hold few descriptors takes fewer connections than its limits say.
  init(_ limits: EdgeLimits, descriptors: Int = sysconf(Int32(_SC_OPEN_MAX))) {
    self.limits = limits
    maximum = min(limits.connectionsMax, max(1, descriptors - Self.reserved))
  }

  let maximum: Int

  var total: Int { state.withLock { $0.total } }

  /// `party` is who the address counts as; nil is counted in the total alone. With `replacing` it takes the place of a
  /// connection that is being closed.
  func enter(_ party: String?, replacing: Bool = false) -> Entry {
    state.withLock { state in
      if let party, state.byParty[party, default: 0] >= limits.connectionsPerAddressMax { return .addressFull }
      guard state.total < (replacing ? maximum + Self.closingMax : maximum) else { return .full }
      state.total += 1
      if let party { state.byParty[party, default: 0] += 1 }
      return .taken
    }
  }

  func leave(_ party: String?) {
    state.withLock { state in
      state.total -= 1
      guard let party, let count = state.byParty[party] else { return }
      state.byParty[party] = count > 1 ? count - 1 : nil
    }
  }
}
