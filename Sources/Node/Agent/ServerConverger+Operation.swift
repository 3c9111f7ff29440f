import Drivers
import Kit
import NodeLink

/// Operations: what is done once. `begun` is on the disk before the first step and the end after the last one, so a
/// crash between leaves a begun operation, and the life of the QEMU process decides what became of it.
///
/// A soft reboot is the power button, and a boot once the guest is off: the guest gets a new QEMU process, so whether
/// it happened can be seen afterwards. A guest that does not obey in time is ended and booted.
extension ServerConverger {
  /// Carries the operation on. nil when it has ended, now or before.
  mutating func settle(_ operation: ServerSpec.Operation, _ domain: DomainState?) async throws -> ServerNext? {
    if let known = record.operation, known.id == operation.id {
      guard known.outcome == .begun else { return nil }
      return try await carryOn(operation, known, domain)
    }
    guard let domain, domain.isActive, spec.power == .running else {
      return try await end(operation, .failed, "The guest was not running.")
    }
    record.operation = .init(
      id: operation.id, outcome: .begun, message: nil, begun: .now(), instance: domain.instance)
    try await keep()
    moment.operationHere = (operation.id, .now + .seconds(operation.timeoutSeconds))
    moment.press = nil
    guard let begun = record.operation else { return nil }
    return try await carryOn(operation, begun, domain)
  }

  private mutating func carryOn(
    _ operation: ServerSpec.Operation, _ begun: ServerRecord.Operation, _ domain: DomainState?
  ) async throws -> ServerNext? {
    if spec.power == .stopped { return try await end(operation, .failed, "The server was asked to stop meanwhile.") }
    guard let domain, domain.isActive else { return try await boot(operation, "") }
    if let before = begun.instance, let now = domain.instance {
      if before != now { return try await end(operation, .done, nil) }
    } else if moment.operationHere?.id != operation.id {
      return try await end(
        operation, .unknown, "The node stopped in the middle, and nothing shows what became of it.")
    }
    if domain.bootEpoch < spec.bootEpoch { return try await end(operation, .done, "A hard reboot took its place.") }
    if let next = try await pressOrDestroy(deadline: deadline(operation, begun)) { return next }
    return try await boot(operation, "The guest did not obey in time and was rebooted hard.")
  }

  /// When patience ends. Another process that carries the operation on knows its beginning only by the host's clock,
  /// which may have been set meanwhile: what is left is never more than the whole.
  private mutating func deadline(
    _ operation: ServerSpec.Operation, _ begun: ServerRecord.Operation
  ) -> ContinuousClock.Instant {
    if let here = moment.operationHere, here.id == operation.id { return here.deadline }
    let whole = Double(operation.timeoutSeconds)
    let left = min(whole, max(0, whole - Timestamp.now().seconds(since: begun.begun)))
    let deadline = ContinuousClock.now + .seconds(left)
    moment.operationHere = (operation.id, deadline)
    return deadline
  }

  private mutating func boot(_ operation: ServerSpec.Operation, _ message: String) async throws -> ServerNext? {
    let next = try await start()
    // Only a start that went through has remembered the guest's life; anything else waits and comes back here.
    guard next.step == nil else { return next }
    return try await end(operation, .done, message.isEmpty ? nil : message)
  }

  private mutating func end(
    _ operation: ServerSpec.Operation, _ outcome: ServerObservation.OperationResult.Outcome, _ message: String?
  ) async throws -> ServerNext? {
    var ended =
      record.operation.flatMap { $0.id == operation.id ? $0 : nil }
      ?? .init(id: operation.id, outcome: outcome, message: nil, begun: .now(), instance: nil)
    ended.outcome = outcome
    ended.message = message
    record.operation = ended
    moment.operationHere = nil
    moment.press = nil
    await keepInTime()
    return nil
  }
}
