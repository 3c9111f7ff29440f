import Converge
import Foundation
import Kit
import Logging
import Store

/// Rotates the keys of credentials, and seals anew what is not sealed with the newest.
///
/// Nothing is ever without a key: a rotation only happens when everything has been sealed with the present one, and the
/// one before stays.
struct CredentialKeyRotation: Converger {
  /// Rows sealed anew in one transaction.
  private static let rowsMax = 200
  /// The tables with something sealed.
  static let tables = [
    "identity_credential", "identity_consumer", "identity_request_token", "identity_access_token",
    "identity_domain_secret",
  ]

  let core: IdentityCore
  let name = "identity.credential_keys"
  let interval: Duration = .seconds(3600)
  let followsChanges = false

  func step() async throws {
    try await sealAnew()
    let now = Double(core.now().microseconds) / 1_000_000
    let ageMin = core.settings.credentialKeyRotationSeconds
    guard try core.credentialKeys.rotate(where: { now - $0.timeIntervalSince1970 >= ageMin }) else { return }
    let numbers = try core.credentialKeys.numbers
    core.logger.info("credential keys rotated", metadata: ["keys": "\(numbers)"])
    try await sealAnew()
  }

  /// Throws where something is left that no key opens: no key may go then.
  private func sealAnew() async throws {
    let keys = core.credentialKeys
    let now = core.now()
    for table in Self.tables {
      while true {
        let count = try await core.store.write { tx in
          let rows = try tx.query(
            """
            SELECT id, sealed FROM \(raw: table) WHERE sealed_by <> \(keys.primaryPrint)
            ORDER BY id LIMIT \(Self.rowsMax)
            """
          ) { ($0.text(0), $0.text(1)) }
          for (id, sealed) in rows {
            guard let plain = keys.open(sealed) else { throw CredentialTable.Sealed(id: id) }
            let (fresh, by) = try keys.sealNamed(plain, at: now)
            try tx.execute("UPDATE \(raw: table) SET sealed = \(fresh), sealed_by = \(by) WHERE id = \(id)")
          }
          return rows.count
        }
        if count < Self.rowsMax { break }
      }
    }
    try await sealDeletedAnew()
  }
}
