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
    let now = Double(core.now().microseconds) / 1_000_000
    let ageMin = max(core.settings.keyRotationSeconds, core.settings.tokenSeconds)
    guard try core.keys.rotate(where: { now - $0.timeIntervalSince1970 >= ageMin }) else { return }
    let numbers = try core.keys.numbers
    core.logger.info("token keys rotated", metadata: ["keys": "\(numbers)"])
  }
}
