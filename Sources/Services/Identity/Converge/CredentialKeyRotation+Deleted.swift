import Kit
import Store

extension CredentialKeyRotation {
  /// Rows sealed anew in one transaction.
  private static let deletedRowsMax = 200

  /// Seals anew what is kept of deleted things: a key that goes must leave nothing behind that only it opens.
  /// Throws where something is left that no key opens.
  func sealDeletedAnew() async throws {
    let keys = core.credentialKeys
    let now = core.now()
    while true {
      let count = try await core.store.write { tx in
        let rows = try DeletedTable.rows(
          tx, sealedOtherThanBy: keys.primaryPrint, tables: Self.tables, countMax: Self.deletedRowsMax)
        for (entry, ordinal, old) in rows {
          var values = old
          guard let sealed = values["sealed"]?.string, let plain = keys.open(sealed) else {
            throw CredentialTable.Sealed(id: values["id"]?.string ?? entry)
          }
          let (fresh, by) = try keys.sealNamed(plain, at: now)
          values["sealed"] = .string(fresh)
          values["sealed_by"] = .string(by)
          try DeletedTable.update(tx, entry, ordinal, values)
        }
        return rows.count
      }
      if count < Self.deletedRowsMax { break }
    }
  }
}
