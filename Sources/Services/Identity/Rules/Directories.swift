import API
import Dispatch
import Kit
import Logging
import Store
import Synchronization

/// The domains whose users and groups are in LDAP directories. They are read, never written.
///
/// What was read stands in the store like all users and groups, so that roles, lists and tokens work as for others. It
/// is read anew by a converger, at every login of its users, and before a list where it is older than `freshSeconds`.
struct Directories: Sendable {
  /// How old what is listed may be.
  static let freshSeconds = 60.0

  /// A directory could not be asked.
  struct Unreachable: Error {
    var reason: String
  }

  let core: IdentityCore

  // MARK: Settings

  /// The settings of a domain's directory; nil where it has none. Throws `Unreachable` where they make no sense.
  private func config(_ tx: Transaction, _ domainID: String) throws -> DirectoryConfig? {
    guard try DirectoryTable.isDirectory(tx, domainID: domainID) else { return nil }
    let table = DomainConfigTable(domainID: domainID, group: "ldap")
    let options = try table.config(tx).options.map { ($0.name, $0.value) }
    let password = try table.secrets(tx, core.credentialKeys).first { $0.name == "password" }?.value
    do {
      return try DirectoryConfig(Dictionary(options) { $1 }, password: password)
    } catch let invalid as DirectoryConfig.Invalid {
      throw Unreachable(reason: "the domain's settings: \(invalid.reason)")
    }
  }

  /// Throws `Fault` 403 where a domain's users and groups are a directory's.
  static func requireWritable(_ tx: Transaction, domainID: String) throws {
    guard try !DirectoryTable.isDirectory(tx, domainID: domainID) else {
      throw Fault.forbidden("The users and groups of this domain are read from a directory and cannot be changed here.")
    }
  }

  /// Throws `Fault` 403 where the user is a directory's.
  static func requireWritable(_ tx: Transaction, user id: String) throws {
    guard let place = try DirectoryTable.place(tx, user: id) else { return }
    try requireWritable(tx, domainID: place.domainID)
  }

  /// Throws `Fault` 403 where the group is a directory's.
  static func requireWritable(_ tx: Transaction, group id: String) throws {
    guard let domainID = try DirectoryTable.domain(tx, group: id) else { return }
    try requireWritable(tx, domainID: domainID)
  }

  // MARK: Asking

  /// Runs what blocks on a thread of its own, of which there are few. Throws `Unreachable`, `AsyncSlots.Full`.
  private func asking<T: Sendable>(
    _ domainID: String, _ body: @escaping @Sendable () throws -> T
  ) async throws -> T {
    do {
      return try await core.directoryState.slots.use {
        try await withCheckedThrowingContinuation { continuation in
          DirectoryState.queue.async { continuation.resume(with: Result { try body() }) }
        }
      }
    } catch let failure as LDAPConnection.Failure {
      throw noted(domainID, failure.message)
    } catch is LDAPConnection.TooMany {
      throw noted(domainID, "it has more users or groups than are taken")
    }
  }

  private func noted(_ domainID: String, _ reason: String) -> Unreachable {
    core.logger.warning("directory not read", metadata: ["domain": "\(domainID)", "reason": "\(reason)"])
    return Unreachable(reason: reason)
  }

  // MARK: Logins

  /// The user whom a login means and whether the password is its own, as the directory says; nil where the user is in
  /// none. Throws `Fault` 503 where the directory cannot be asked.
  func check(
    _ reference: Reference, _ password: Secret<String>
  ) async throws -> (user: UserLogin?, isRight: Bool)? {
    do {
      guard let (domainID, config, localID) = try await place(reference) else { return nil }
      let known = try await asking(domainID) { () -> Known in
        let reader = try DirectoryReader(config)
        let user: DirectoryUser? =
          switch reference {
          case .id: try localID.flatMap { try reader.user(localID: $0) }
          case .name(let name, _): try reader.user(name: name)
          }
        let isRight = try DirectoryReader.isRight(password, of: user, config)
        return Known(user: user, groups: try user.map { isRight ? try reader.groups(with: $0) : [] } ?? [], isRight)
      }
      guard let user = known.user else { return (nil, false) }
      return try await core.store.write { tx in
        guard let id = try DirectoryTable.put(tx, user, domainID: domainID, at: core.now()) else { return (nil, false) }
        if known.isRight { try join(tx, id, known.groups, domainID) }
        return (try UserTable.login(tx, id), known.isRight)
      }
    } catch is Unreachable {
      throw Fault(503, "The directory of this domain cannot be asked now.", headers: [("Retry-After", "10")])
    }
  }

  private struct Known: Sendable {
    var user: DirectoryUser?
    var groups: [DirectoryGroup]
    var isRight: Bool

    init(user: DirectoryUser?, groups: [DirectoryGroup], _ isRight: Bool) {
      self.user = user
      self.groups = groups
      self.isRight = isRight
    }
  }

  private func place(
    _ reference: Reference
  ) async throws -> (domainID: String, config: DirectoryConfig, localID: String?)? {
    try await core.store.read { tx in
      var domainID: String?
      var localID: String?
      switch reference {
      case .id(let id):
        if let place = try DirectoryTable.place(tx, user: id) { (domainID, localID) = (place.domainID, place.localID) }
      case .name(_, let domain): domainID = try ProjectTable.domainID(tx, domain)
      }
      guard let domainID, let config = try config(tx, domainID) else { return nil }
      return (domainID, config, localID)
    }
  }

  /// Puts a user into these groups of its directory, and into no others of it.
  private func join(_ tx: Transaction, _ user: String, _ groups: [DirectoryGroup], _ domainID: String) throws {
    let now = Set(try groups.compactMap { try DirectoryTable.put(tx, $0, domainID: domainID) })
    let before = try DirectoryTable.groups(tx, with: user)
    for group in now.subtracting(before) { try GroupTable.addMember(tx, group, user) }
    for group in before.subtracting(now) { _ = try GroupTable.removeMember(tx, group, user) }
  }

  // MARK: Reading all

  /// Reads the directories that were last read longer ago than `seconds`. One that cannot be read stays as it was read
  /// last.
  func refresh(olderThan seconds: Double = freshSeconds) async throws {
    for domainID in try await domains() {
      guard core.directoryState.begins(domainID, at: core.now(), seconds: seconds) else { continue }
      do { try await read(domainID) } catch is Unreachable {
        continue
      }
    }
  }

  /// The domains that have a directory: mostly none, and known without asking the store again.
  private func domains() async throws -> [String] {
    let stamp = core.stamp
    if let stamp, let known = core.directoryState.domains(at: stamp) { return known }
    let found = try await core.store.read { tx in try DirectoryTable.domains(tx) }
    if let stamp { core.directoryState.keep(domains: found, at: stamp) }
    return found
  }

  private func read(_ domainID: String) async throws {
    guard let config = try await core.store.read({ tx in try config(tx, domainID) }) else { return }
    let (users, groups) = try await asking(domainID) {
      let reader = try DirectoryReader(config)
      let users = try reader.users()
      return (users, try reader.groups(of: users))
    }
    // In pieces, so that a large directory keeps no other writer waiting for long.
    var ids: [String: String] = [:]
    for piece in users.pieces(of: Self.pieceCount) {
      let put = try await core.store.write { tx in
        try piece.compactMap { user in
          try DirectoryTable.put(tx, user, domainID: domainID, at: core.now()).map { (user.localID, $0) }
        }
      }
      for (localID, id) in put { ids[localID] = id }
    }
    let there = ids
    // Rights in the directory that were taken from us look the same as if everybody had left at once.
    guard !there.isEmpty else { throw noted(domainID, "it shows no users") }
    let gone = try await core.store.read { tx in
      try DirectoryTable.users(tx, domainID: domainID).filter { there[$0.localID] == nil }
    }
    for piece in gone.pieces(of: Self.pieceCount) {
      try await core.store.write { tx in for user in piece { try DirectoryTable.disable(tx, user: user.id) } }
    }
    try await write(groups, domainID, there)
  }

  /// Rows of one transaction.
  private static let pieceCount = 200

  private func write(_ groups: [DirectoryGroup], _ domainID: String, _ users: [String: String]) async throws {
    for group in groups {
      try await core.store.write { tx in
        guard let id = try DirectoryTable.put(tx, group, domainID: domainID) else { return }
        let now = Set(group.members.compactMap { users[$0] })
        let before = try DirectoryTable.members(tx, group: id)
        for user in now.subtracting(before) { try GroupTable.addMember(tx, id, user) }
        for user in before.subtracting(now) { _ = try GroupTable.removeMember(tx, id, user) }
      }
    }
    let names = Set(groups.map(\.localID))
    try await core.store.write { tx in
      for group in try DirectoryTable.groups(tx, domainID: domainID) where !names.contains(group.localID) {
        for user in try DirectoryTable.members(tx, group: group.id) {
          _ = try GroupTable.removeMember(tx, group.id, user)
        }
      }
    }
  }
}

/// When each directory was last read, and who may ask them.
final class DirectoryState: Sendable {
  /// Logins and readings at once, and those that may wait.
  let slots = AsyncSlots(count: 4, waitingMax: 200)
  static let queue = DispatchQueue(label: "haneul.directories", attributes: .concurrent)
  private let began = Mutex<[String: Timestamp]>([:])
  private let known = Mutex<(stamp: TokenCache.Stamp, domains: [String])?>(nil)

  /// The domains that have a directory, as they were at `stamp`; nil where nobody has looked since.
  func domains(at stamp: TokenCache.Stamp) -> [String]? { known.withLock { $0?.stamp == stamp ? $0?.domains : nil } }

  func keep(domains: [String], at stamp: TokenCache.Stamp) { known.withLock { $0 = (stamp, domains) } }

  /// Whether the directory of a domain is to be read now; it counts as read from here on.
  func begins(_ domainID: String, at now: Timestamp, seconds: Double) -> Bool {
    began.withLock { began in
      if let last = began[domainID], now.seconds(since: last) < seconds { return false }
      began[domainID] = now
      return true
    }
  }
}

extension Array {
  /// The same in pieces of at most `count`.
  fileprivate func pieces(of count: Int) -> [ArraySlice<Element>] {
    stride(from: 0, to: self.count, by: count).map { self[$0..<Swift.min($0 + count, self.count)] }
  }
}
