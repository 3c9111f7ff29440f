import Store

/// This program is too old for the cloud's store: a process of a later release shares it. Starting it again does not
/// help.
public struct ReleaseTooOld: Error, Sendable, Hashable, CustomStringConvertible {
  /// What `haneul control` ends with then, `EX_CONFIG` of sysexits.h: the systemd unit does not start it again.
  public static let exitStatus: Int32 = 78

  let release: Int
  let oldest: Int

  init(_ error: SchemaTooNew) {
    release = error.release
    oldest = error.oldest
  }

  public var description: String {
    "This haneul is release \(release), the store's schema needs release \(oldest) or later: a later release has "
      + "migrated it. Install haneul release \(oldest) or later on this machine, then: haneul up. Servers run on."
  }

  /// Looks into a store that others may use; nil where this program can use it, or nobody can tell.
  static func found(_ address: StoreAddress) async -> ReleaseTooOld? {
    do {
      try await address.peek { try SchemaTooNew.check($0) }
      return nil
    } catch let error as SchemaTooNew {
      return ReleaseTooOld(error)
    } catch {
      return nil
    }
  }
}

/// Ends a control process when a later release has migrated the store beyond what this program can use.
struct ReleaseWatch: Sendable {
  /// How often the store is asked.
  static let interval = Duration.seconds(30)

  let store: any Store
  let interval: Duration

  /// Returns when its task is cancelled. Throws `SchemaTooNew`.
  func run() async throws {
    while !Task.isCancelled {
      do { try await store.checkRelease() } catch is StoreError {
        // A store that does not answer says nothing of releases: that is told elsewhere.
      }
      try await Task.sleep(for: interval)
    }
  }
}
