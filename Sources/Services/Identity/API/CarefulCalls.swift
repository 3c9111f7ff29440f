import API
import Auth
import Kit
import Store

extension QueryShape {
  /// A delete that can be looked at before (`?impact=true`), and that asks to be meant (`?force=true`) where it would
  /// leave nobody to administer.
  static let careful = QueryShape([.init("impact", .boolean), .init("force", .boolean)], others: .ignored)
}

extension QueryShape {
  /// A change that may take a last administrator away where it is meant.
  static let forced = QueryShape([.init("force", .boolean)], others: .ignored)
}

extension IdentityCore {
  /// Deletes a thing so that it can be restored: 204; with `?impact=true` only tells what would be lost: 200. `check`
  /// refuses what must not be deleted, or is not there. Throws what `check` throws.
  func delete(
    _ call: Call, _ kind: DeletedKind, _ id: String, _ check: @escaping @Sendable (Transaction) throws -> Void
  ) async throws -> Reply {
    if try call.query.bool("impact") ?? false {
      let impact = try await ImpactRules(core: self).impact(call, kind, id, check)
      return Reply.one(200, "impact") { $0.impact(impact) }
    }
    let careful = CarefulDelete(self, call)
    try await writeKeepingAdministrators(call) { tx in
      try check(tx)
      try careful.delete(tx, kind, id)
    }
    return .done
  }
}
