import Foundation
import Kit
import Store

/// Opens a cloud's store, and only that cloud's.
enum CloudStore {
  /// Throws `CloudProblem` for another cloud's store, which is left untouched, and for one that cannot be opened.
  static func open(state: StateDirectory, settings: CloudSettings) async throws -> any Store {
    let address = try StoreAddress(state: state, settings: settings)
    do {
      let store = try address.open()
      try await store.claim(cloudID: settings.cloudID, epoch: settings.epoch)
      return store
    } catch let foreign as StoreIdentity.Foreign {
      throw CloudProblem(
        "\(address) is the store of another cloud, \(foreign.cloudID); this one is \(settings.cloudID). Nothing "
          + "was touched. Put this cloud's own store there, or move it away: an empty store begins a new epoch, and "
          + "what the node holds stays in quarantine.")
    } catch let error as StoreError {
      throw problem(address, error)
    }
  }

  /// A store without the settings of its cloud: a new cloud must not be made around it. Throws `CloudProblem`.
  static func refuseOrphan(_ state: StateDirectory) throws {
    let address: StoreAddress
    if FileManager.default.fileExists(atPath: state.store) {
      address = .sqlite(path: state.store)
    } else if FileManager.default.fileExists(atPath: state.storeURL) {
      throw CloudProblem(
        "\(state.settings) is gone, and \(state.storeURL) says where its store is. Restore that file from a backup; "
          + "for a new cloud choose another --state-dir.")
    } else {
      return
    }
    let identity = try? SQLitePeek.read(path: state.store) { try StoreIdentity.read($0) }
    let whose = (identity ?? nil).map { "of cloud \($0.cloudID)" } ?? "of some cloud"
    throw CloudProblem(
      "\(state.settings) is gone, and \(address) is the store \(whose). Restore that file from a backup; for a new "
        + "cloud choose another --state-dir.")
  }
}

/// Where a cloud's store is. Its description shows no password.
enum StoreAddress: Sendable, CustomStringConvertible {
  case sqlite(path: String)
  /// libpq's URL, with the password if there is one.
  case postgres(Secret<String>)

  /// The cloud's own. Throws `CloudProblem` where the file with the address is gone, or may not be read.
  init(state: StateDirectory, settings: CloudSettings) throws {
    guard settings.usesPostgres else {
      self = .sqlite(path: state.store)
      return
    }
    guard let data = FileManager.default.contents(atPath: state.storeURL) else {
      throw CloudProblem(
        "\(state.storeURL) cannot be read, and says where the store is. As root: haneul up --store postgres://…")
    }
    self = .postgres(Secret(String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)))
  }

  /// Throws `StoreError`.
  func open() throws -> any Store {
    switch self {
    case .sqlite(let path): try SQLiteStore(path: path)
    case .postgres(let url): try PostgresStore(url: url.reveal())
    }
  }

  /// Runs `body` on a snapshot of the store, which other processes go on using. Throws `StoreError`, and what `body`
  /// throws.
  func peek<T: Sendable>(_ body: @escaping @Sendable (Transaction) throws -> T) async throws -> T {
    switch self {
    case .sqlite(let path): try SQLitePeek.read(path: path, body)
    case .postgres(let url): try PostgresPeek.read(url: url.reveal(), body)
    }
  }

  var description: String {
    switch self {
    case .sqlite(let path): path
    case .postgres(let url): Self.shown(url.reveal())
    }
  }

  /// `postgres://host:port/database` without user, password and options; of any other form nothing.
  private static func shown(_ url: String) -> String {
    guard let parts = URLComponents(string: url), parts.scheme != nil else { return "the PostgreSQL database" }
    let host = parts.host ?? ""
    return "postgres://\(host)\(parts.port.map { ":\($0)" } ?? "")\(parts.path)"
  }
}
