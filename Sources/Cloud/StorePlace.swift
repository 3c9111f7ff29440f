import Foundation
import Kit
import Store

/// Keeps where a PostgreSQL store is, in a file of control's user alone: the address may carry a password.
struct StorePlace {
  let state: StateDirectory

  /// Writes the address down where one was given. One that is not the same as before must be the same store at another
  /// address, and control must be down. Throws `CloudProblem`.
  func put(_ given: Secret<String>?, _ settings: CloudSettings, isNew: Bool, owner: SystemUser) async throws {
    guard let given else { return }
    let known = FileManager.default.contents(atPath: state.storeURL)
    if known == Data((given.reveal() + "\n").utf8) { return }
    if known != nil, Daemon.all(state).contains(where: { $0.role == .control && $0.processID != nil }) {
      throw CloudProblem("The cloud runs on another store address. Stop it before it uses this one: haneul down")
    }
    try await refuseOther(.postgres(given), settings, mustBeOurs: known != nil && !isNew)
    try StateDirectory.replace(state.storeURL, with: Data((given.reveal() + "\n").utf8), mode: 0o600, owner: owner)
  }

  /// Throws `CloudProblem` where another cloud's store is there, or where this cloud's should be and is not.
  private func refuseOther(_ address: StoreAddress, _ settings: CloudSettings, mustBeOurs: Bool) async throws {
    let identity: StoreIdentity?
    do {
      identity = try await address.peek { tx in try StoreTables.exists(tx, "cloud") ? try StoreIdentity.read(tx) : nil }
    } catch let error as StoreError {
      throw CloudStore.problem(address, error)
    }
    if let identity, identity.cloudID != settings.cloudID {
      throw CloudProblem("\(address) is the store of another cloud, \(identity.cloudID). Give a database of its own.")
    }
    guard identity == nil, mustBeOurs else { return }
    throw CloudProblem(
      "This cloud's store is elsewhere, and \(address) is empty. To move it: haneul backup FILE, haneul down, then "
        + "haneul restore FILE --store postgres://…")
  }
}
