import API
import Auth
import Kit
import Store

/// OAuth 1.0a consumers.
struct ConsumerRoutes: Sendable {
  let core: IdentityCore

  var routes: [Route] {
    let list = "/v3/OS-OAUTH1/consumers"
    let one = list + "/{consumer_id}"
    return [
      Route(
        .get, list, .identity("list_consumers", IdentityPolicy.adminOrSystemReader), query: .list([])
      ) { try await self.list($0) },
      Route(
        .post, list, .identity("create_consumer", IdentityPolicy.admin), query: .unread, body: .needed(.consumer)
      ) { try await create($0) },
      Route(.get, one, .identity("get_consumer", IdentityPolicy.adminOrSystemReader), query: .unread) {
        try await show($0)
      },
      Route(
        .patch, one, .identity("update_consumer", IdentityPolicy.admin), query: .unread, body: .needed(.consumer)
      ) { try await update($0) },
      Route(.delete, one, .identity("delete_consumer", IdentityPolicy.admin), query: .unread) { try await delete($0) },
    ]
  }

  private func list(_ call: Call) async throws -> Reply {
    try await call.list(
      "consumers", from: core.store,
      read: { [keys = core.credentialKeys] in try ConsumerTable.list($0, keys, [], $1) }, id: \.id
    ) { $0.consumer($1, call) }
  }

  private func found(_ tx: Transaction, _ call: Call) throws -> Consumer {
    let id = try call.parameter("consumer_id")
    guard let found = try ConsumerTable.find(tx, core.credentialKeys, id) else { throw Fault.noSuch("consumer", id) }
    return found
  }

  private func show(_ call: Call) async throws -> Reply {
    let found = try await core.store.read { tx in try self.found(tx, call) }
    return Reply.one(200, "consumer") { $0.consumer(found, call) }
  }

  private func create(_ call: Call) async throws -> Reply {
    let fields = try call.object("consumer")
    let description = try fields.description()
    _ = fields.value("secret")
    let made = Consumer(
      id: Identifier.hex(), description: description, secret: Secret(Identifier.hex()), extra: fields.newExtra())
    let now = core.now()
    try await core.store.write { tx in try ConsumerTable.insert(tx, core.credentialKeys, made, at: now) }
    return Reply.one(201, "consumer") { $0.consumer(made, call, secret: made.secret) }
  }

  private func update(_ call: Call) async throws -> Reply {
    let fields = try call.object("consumer")
    if fields.has("secret") { throw fields.invalid("secret", "it cannot be changed") }
    if let id = fields.value("id"), id.string != (try call.parameter("consumer_id")) {
      throw fields.invalid("id", "it cannot be changed")
    }
    let description = try fields.description()
    let extra = fields.newExtra()
    let changed = try await core.store.write { tx in
      var consumer = try found(tx, call)
      consumer.description = description ?? consumer.description
      consumer.extra.merge(extra) { $1 }
      try ConsumerTable.update(tx, consumer)
      return consumer
    }
    return Reply.one(200, "consumer") { $0.consumer(changed, call) }
  }

  /// With all tokens that it has got.
  private func delete(_ call: Call) async throws -> Reply {
    try await core.store.write { tx in try ConsumerTable.delete(tx, try found(tx, call).id) }
    return .done
  }
}

extension JSONWriter {
  /// `secret` is shown once, when it is made.
  fileprivate mutating func consumer(_ consumer: Consumer, _ call: Call, secret: Secret<String>? = nil) {
    object {
      $0.field("id", consumer.id)
      $0.field("description", consumer.description)
      if let secret { $0.field("secret", secret.reveal()) }
      $0.extra(consumer.extra)
      $0.links(call.link("/OS-OAUTH1/consumers/\(consumer.id)"))
    }
  }
}
