import Foundation
import Kit
import Store

/// Opens a cloud's store, and only that cloud's.
enum CloudStore {
  /// Throws `CloudProblem` for another cloud's store, which is left untouched, and for one that cannot be opened.
  static func open(state: StateDirectory, settings: CloudSettings) async throws -> SQLiteStore {
    do {
      let store = try SQLiteStore(path: state.store)
      try await store.claim(cloudID: settings.cloudID, epoch: settings.epoch)
      return store
    } catch let foreign as StoreIdentity.Foreign {
      throw CloudProblem(
        "\(state.store) is the store of another cloud, \(foreign.cloudID); this one is \(settings.cloudID). Nothing "
          + "was touched. Put this cloud's own store there, or move it away: an empty store begins a new epoch, and "
          + "what the node holds stays in quarantine.")
    } catch let error as StoreError {
      throw CloudProblem("\(state.store) cannot be opened: \(error.message). \(advice(error.kind))")
    }
  }

  /// A store without the settings of its cloud: a new cloud must not be made around it. Throws `CloudProblem`.
  static func refuseOrphan(_ state: StateDirectory) throws {
    guard FileManager.default.fileExists(atPath: state.store) else { return }
    let identity = try? SQLitePeek.read(path: state.store) { try StoreIdentity.read($0) }
    let whose = (identity ?? nil).map { "of cloud \($0.cloudID)" } ?? "of some cloud"
    throw CloudProblem(
      "\(state.settings) is gone, and \(state.store) is the store \(whose). Restore that file from a backup; for a new "
        + "cloud choose another --state-dir.")
  }

  private static func advice(_ kind: StoreError.Kind) -> String {
    switch kind {
    case .full: "The disk is full: make room."
    case .readOnly: "Its file system, or the file, can only be read: remount it, or look at owner and mode."
    case .corrupt: "The file is damaged: put a backup in its place, with control stopped."
    default: "`haneul doctor` looks at the disk."
    }
  }
}
