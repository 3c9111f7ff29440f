import Converge
import Foundation
import Kit
import Logging

/// Rotates the Fernet keys when the staged one is old enough.
struct KeyRotation: Converger {
  let core: IdentityCore
  let name = "identity.keys"
  let interval: Duration = .seconds(3600)
  let followsChanges = false

  func step() async throws {
    let rotatedAt = try core.keys.rotatedAt.timeIntervalSince1970
    let age = Double(core.now().microseconds) / 1_000_000 - rotatedAt
    guard age >= max(core.settings.keyRotationSeconds, core.settings.tokenSeconds) else { return }
    try core.keys.rotate()
    let numbers = try core.keys.numbers
    core.logger.info("token keys rotated", metadata: ["keys": "\(numbers)"])
  }
}
