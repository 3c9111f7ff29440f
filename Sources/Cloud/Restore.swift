import Foundation
public import Kit
import NodeLink
import Store

/// `haneul restore`: puts a backup in the place of a cloud's store, while control is down.
///
/// The whole file is verified first. The rows go into a new store beside the old one, which is put in its place at the
/// very end; the old one is kept. A new epoch begins: no node deletes anything for it, and what it holds that the
/// backup does not know goes into quarantine.
public struct Restore: Sendable {
  /// What was done, and what an operator should know of it.
  public struct Outcome: Sendable {
    public var cloudID: String
    public var epoch: Int64
    public var rows: Int
    /// Where the store of before is.
    public var before: String?
    /// What is not as it should be, in words; the backup is restored all the same.
    public var warnings: [String]
  }

  let state: StateDirectory
  /// Where the store shall be from now on; nil leaves it where it is.
  let address: Secret<String>?
  let progress: Launch.Progress

  public init(
    state: StateDirectory, address: Secret<String>? = nil, progress: @escaping Launch.Progress = { _, _ in }
  ) {
    self.state = state
    self.address = address
    self.progress = progress
  }

  /// Restores the backup at `path`. `owner` is the user that control runs as. Throws `CloudProblem`, having changed
  /// nothing but where it says so.
  public func run(_ path: String, owner: SystemUser) async throws -> Outcome {
    let reader = BackupReader(path: path)
    let seen = try await verify(reader)
    let settings = try await settings(seen)
    try refuseRunning()
    let target = try target(settings)
    let old = try await identity(target, seen.header)
    try state.prepare(controlUser: owner)
    let place = try await RestorePlace.make(target)
    do {
      let loaded = try await load(reader, into: place, old: old)
      try await place.close()
      try await writeFiles(reader, settings, owner)
      let before = try await place.takeOver()
      var warnings = loaded.warnings
      warnings += try await RestoredImages(state: state, progress: progress).compare(target)
      if case .postgres = target, FileManager.default.fileExists(atPath: state.store) {
        rename(state.store, state.store + ".before-restore")
      }
      try Ownership.give(state.control, to: owner)
      return Outcome(
        cloudID: seen.header.cloud, epoch: loaded.epoch, rows: loaded.rows, before: before, warnings: warnings)
    } catch {
      await place.giveUp()
      throw error
    }
  }

  // MARK: verifying

  private struct Seen {
    var header: BackupFormat.Header
    var settings: CloudSettings
  }

  /// Reads all of it, and changes nothing.
  private func verify(_ reader: BackupReader) async throws -> Seen {
    let began = SuspendingClock.now
    var header: BackupFormat.Header?
    var settings: CloudSettings?
    try await reader.read { part in
      switch part {
      case .header(let given): header = given
      case .file(let file) where file.file == "cloud.json":
        settings = try? JSONDecoder().decode(CloudSettings.self, from: file.bytes)
      default: break
      }
    }
    guard let header, let settings else {
      throw CloudProblem("\(reader.path) is no backup of a cloud. Nothing was changed.")
    }
    try Self.refuseNewer(header, reader.path)
    progress("backup of \(header.made) verified", began.duration(to: .now) / .seconds(1))
    return Seen(header: header, settings: settings)
  }

  private static func refuseNewer(_ header: BackupFormat.Header, _ path: String) throws {
    let known = Set(Services.migrations.map { BackupFormat.Header.Step(room: $0.room, number: $0.number) })
    let unknown = header.schema.filter { !known.contains($0) }
    guard header.haneul_backup <= BackupFormat.version, unknown.isEmpty else {
      let steps = unknown.map { "\($0.room) \($0.number)" }.joined(separator: ", ")
      throw CloudProblem(
        "\(path) was written by a later release (\(header.release); \(steps)). Restore it with that release. "
          + "Nothing was changed.")
    }
  }

  /// The settings that count: those of this directory, or those of the backup where there is no cloud yet.
  private func settings(_ seen: Seen) async throws -> CloudSettings {
    var settings = try state.readSettings() ?? seen.settings
    guard settings.cloudID == seen.header.cloud else {
      throw CloudProblem(
        "The backup is of cloud \(seen.header.cloud), and \(state.path) is cloud \(settings.cloudID). Nothing was "
          + "changed. Choose another --state-dir.")
    }
    if let address {
      guard ["postgres://", "postgresql://"].contains(where: address.reveal().hasPrefix) else {
        throw CloudProblem("--store takes postgres://USER:PASSWORD@HOST/DATABASE.")
      }
      settings.storeEngine = CloudSettings.postgres
    }
    return settings
  }

  private func refuseRunning() throws {
    guard let running = Daemon.all(state).first(where: { $0.role == .control && $0.processID != nil }) else { return }
    throw CloudProblem(
      "\(running.name) runs. Stop the cloud first: haneul down (servers run on). Nothing was changed.")
  }

  private func target(_ settings: CloudSettings) throws -> StoreAddress {
    if let address { return .postgres(address) }
    return try StoreAddress(state: state, settings: settings)
  }

  /// What is there now: it may be damaged or gone. Throws where it is another's.
  private func identity(_ target: StoreAddress, _ header: BackupFormat.Header) async throws -> OldStore? {
    if case .sqlite(let path) = target, !FileManager.default.fileExists(atPath: path) { return nil }
    let found: (isEmpty: Bool, old: OldStore?)
    do {
      found = try await target.peek { tx in
        guard try StoreTables.exists(tx, "cloud"), let identity = try StoreIdentity.read(tx) else {
          return (try StoreTables.names(tx).isEmpty, nil)
        }
        return (false, OldStore(identity: identity, revision: try tx.newestRevision()))
      }
    } catch let error as StoreError {
      // A damaged file is why a backup is restored; a server must answer, for the new store is to be made in it.
      if case .sqlite = target { return nil }
      throw CloudStore.problem(target, error)
    }
    if let old = found.old, old.identity.cloudID != header.cloud {
      throw CloudProblem("\(target) is the store of another cloud, \(old.identity.cloudID). Nothing was changed.")
    }
    guard found.old != nil || found.isEmpty else {
      throw CloudProblem("\(target) holds tables of something else. Give a database of its own. Nothing was changed.")
    }
    return found.old
  }

  private struct OldStore: Sendable {
    var identity: StoreIdentity
    var revision: Int64
  }

  // MARK: loading

  private struct Loaded {
    var rows: Int
    var epoch: Int64
    var warnings: [String]
  }

  /// Fills the new store: the schema of the backup's time, its rows, then what migrations came since.
  private func load(_ reader: BackupReader, into place: RestorePlace, old: OldStore?) async throws -> Loaded {
    let began = SuspendingClock.now
    let store = try place.store()
    let loader = RestoreLoader(store: store)
    var header: BackupFormat.Header?
    try await reader.read { part in
      switch part {
      case .header(let given):
        header = given
        let steps = Set(given.schema)
        try await store.claim(cloudID: given.cloud, epoch: given.epoch)
        try await store.migrate(
          Services.migrations.filter { steps.contains(.init(room: $0.room, number: $0.number)) })
      case .table(let table): try await loader.begin(table)
      case .row(let row): try await loader.add(row)
      default: break
      }
    }
    guard let header else { throw CloudProblem("\(reader.path) is no backup of a cloud.") }
    let rows = try await loader.finish()
    try await store.migrate(Services.migrations)
    // Later than any that a node may have seen, as far as is known here; a node that has seen more says so.
    let epoch = max(header.epoch, old?.identity.epoch ?? 0) + 1
    let revision = max(header.revision, old?.revision ?? 0) + 1
    try await store.write { tx in
      try StoreIdentity.raise(tx, epoch: epoch)
      try tx.skipChanges(to: revision, ManifestTable.changeKind, "restore")
      try StoreTables.settleCounters(tx)
    }
    let report = try await store.read { [check = try await InvariantCheck()] tx in try check.run(tx) }
    progress("\(rows) rows loaded and checked", began.duration(to: .now) / .seconds(1))
    let warnings = report.broken.isEmpty ? [] : ["The backup itself is not sound.\n\(report.text)"]
    return Loaded(rows: rows, epoch: epoch, warnings: warnings)
  }

  // MARK: what is beside the store

  /// Keys, where there are none; the logins that fit the store's users, always; settings, where there are none.
  private func writeFiles(_ reader: BackupReader, _ settings: CloudSettings, _ owner: SystemUser) async throws {
    let folders = [state.keys, state.credentialKeys]
    try Ownership.refuseLinks(folders + [state.tls, state.images, state.images + "/blobs"])
    let empty = folders.filter { (try? FileManager.default.contentsOfDirectory(atPath: $0))?.isEmpty != false }
    for folder in empty { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }
    let images = RestoredImages(state: state, progress: progress)
    try await reader.read { part in
      switch part {
      case .file(let file):
        let path = state.path + "/" + file.file
        if path == state.cloudsYAML {
          if FileManager.default.fileExists(atPath: path) {
            unlink(path + ".before-restore")
            link(path, path + ".before-restore")
          }
          try StateDirectory.replace(path, with: file.bytes, mode: 0o600)
        } else if empty.contains(where: { path.hasPrefix($0 + "/") && Int(path.dropFirst($0.count + 1)) != nil }) {
          try StateDirectory.replace(path, with: file.bytes, mode: 0o600, owner: owner)
        } else if Self.isPlain(path, below: state.tls), !FileManager.default.fileExists(atPath: path) {
          mkdir(state.tls, 0o700)
          try StateDirectory.replace(path, with: file.bytes, mode: 0o600, owner: owner)
        }
      case .blob(let blob): try images.begin(blob)
      case .piece(let bytes): try images.add(bytes)
      default: break
      }
    }
    try images.finish()
    if let address {
      try StateDirectory.replace(
        state.storeURL, with: Data((address.reveal() + "\n").utf8), mode: 0o600, owner: owner)
    }
    if try state.readSettings() != settings { try state.writeSettings(settings) }
  }

  /// Whether the path is that of a file in the folder itself.
  private static func isPlain(_ path: String, below folder: String) -> Bool {
    guard path.hasPrefix(folder + "/") else { return false }
    let name = path.dropFirst(folder.count + 1)
    return !name.isEmpty && !name.contains("/") && name != "." && name != ".."
  }
}
