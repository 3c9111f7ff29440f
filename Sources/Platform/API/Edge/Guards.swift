import Kit
import NIOCore

/// What stands between a request and its handler: rates, turns, and memory for bodies.
final class Guards: Sendable {
  enum Slot {
    case request, transfer
  }

  let limits: EdgeLimits
  let admission: Admission
  let transfers: Budget
  let bodies: Budget
  private let addresses: RateLimiter?
  private let projects: RateLimiter?

  init(_ limits: EdgeLimits) {
    self.limits = limits
    admission = Admission(limits)
    transfers = Budget(limits.transfersMax)
    bodies = Budget(limits.bodyBytesMax)
    addresses = limits.addressRate.map(RateLimiter.init)
    projects = limits.projectRate.map(RateLimiter.init)
  }

  /// Throws `Fault` 429 where an address sends too many requests.
  func checkAddress(_ address: String?, at now: NIODeadline) throws {
    guard let addresses, let address, !Self.isLoopback(address) else { return }
    if let seconds = addresses.take(Self.party(address), at: now) { throw Fault.tooMany("address", seconds) }
  }

  /// Throws `Fault` 429 where a project sends too many requests, from wherever it does.
  func checkProject(_ project: String, _ address: String?, at now: NIODeadline) throws {
    guard let projects, let address, !Self.isLoopback(address) else { return }
    if let seconds = projects.take(project, at: now) { throw Fault.tooMany("project", seconds) }
  }

  /// Waits for the request's turn. Throws `Fault` 503 where it does not come in time.
  func enter(isTransfer: Bool) async throws -> Slot {
    if isTransfer {
      guard transfers.take(1) else { throw Fault.overloaded() }
      return .transfer
    }
    if admission.tryEnter() { return .request }
    guard await admission.wait() else { throw Fault.overloaded() }
    return .request
  }

  func leave(_ slot: Slot) {
    switch slot {
    case .request: admission.leave()
    case .transfer: transfers.give(1)
    }
  }

  /// Loopback is whoever is on this machine, and what speaks for others from there.
  static func isLoopback(_ address: String) -> Bool { address.hasPrefix("127.") || address == "::1" }

  /// Who an address counts as: of IPv6, whoever has the /64.
  static func party(_ address: String) -> String {
    guard address.contains(":"), let parsed = IPAddress(address) else { return address }
    return CIDR(containing: parsed, prefix: 64).description
  }
}

extension Fault {
  static func tooMany(_ who: String, _ seconds: Int) -> Fault {
    Fault(
      429, "Too many requests come from this \(who). Try again later.", headers: [("Retry-After", String(seconds))])
  }
}
