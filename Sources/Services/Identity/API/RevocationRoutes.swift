import API
import Auth
import Kit
import Store

/// What was revoked (OS-REVOKE), ending all tokens of a user, and the two APIs of signed tokens, of which Keystone has
/// kept only the refusal (OS-PKI, OS-SIMPLE-CERT).
struct RevocationRoutes: Sendable {
  let core: IdentityCore

  /// Events read at once at the most.
  private static let eventsMax = 1000

  var routes: [Route] {
    [
      Route(
        .get, "/v3/OS-REVOKE/events", .identity("list_revoke_events", IdentityPolicy.adminOrService),
        query: QueryShape([.init("since", .time)], others: .ignored)
      ) { try await events($0) },
      Route(
        .delete, "/v3/users/{user_id}/tokens",
        .identity("revoke_tokens_for_user", IdentityPolicy.adminOrOwnerOfAnyScope), query: .unread
      ) { try await revokeTokens($0) },
      Route(
        .get, "/v3/auth/tokens/OS-PKI/revoked", Permission("identity:revocation_list", .open), query: .unread
      ) { _ in throw Fault.forbidden("There is no list of revoked tokens: revocations are events of OS-REVOKE.") },
    ]
      + ["ca", "certificates"].map { name in
        Route(
          .get, "/v3/OS-SIMPLE-CERT/" + name, Permission("identity:simple_cert_" + name, .open), query: .unread
        ) { _ in throw Fault(410, "This API is gone: tokens are not signed with certificates any more.") }
      }
  }

  private func events(_ call: Call) async throws -> Reply {
    let since = call.query["since"].flatMap(Timestamp.init(iso8601:))
    var trailer = JSONWriter()
    trailer.object {
      $0.field("links") {
        $0.field("next", nil as String?)
        $0.field("self", call.link("/OS-REVOKE/events"))
        $0.field("previous", nil as String?)
      }
    }
    return try await Reply.list("events", trailer: [UInt8(ascii: ",")] + trailer.bytes.dropFirst().dropLast()) {
      (after: Int?) in
      try await core.store.read { tx in
        let events = try RevocationEventTable.list(tx, after: after ?? 0, since: since, count: Self.eventsMax)
        let next = events.count == Self.eventsMax ? events.last?.number : nil
        return (JSONWriter.elements(events) { $0.revocationEvent($1) }, next)
      }
    }
  }

  private func revokeTokens(_ call: Call) async throws -> Reply {
    let id = try call.parameter("user_id")
    try await core.store.write { tx in
      let user = try UserTable.find(tx, id)
      try call.require(on: PolicyTarget(userIDs: user.map { [$0.id] } ?? []))
      guard user != nil else { throw Fault.noSuch("user", id) }
      try UserTable.voidTokens(tx, id)
    }
    return .done
  }
}

extension JSONWriter {
  fileprivate mutating func revocationEvent(_ event: RevocationEventTable.Event) {
    object {
      $0.field(event.subject, event.id)
      $0.field("issued_before", event.revokedAt.iso8601Microseconds)
      $0.field("revoked_at", event.revokedAt.iso8601Microseconds)
    }
  }
}
