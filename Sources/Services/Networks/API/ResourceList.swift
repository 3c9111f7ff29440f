import API
import Auth
import Kit
import Store

/// A project's default security group is to be made first: looking at its networks, ports or groups makes it.
struct NoDefaultGroup: Error {
  let projectID: String
}

/// Answers a list of any resource: filtered, sorted, paged, read in chunks.
struct ResourceList<R: StoredResource>: Sendable {
  let store: any Store
  /// The project whose default security group must be there, or the list throws `NoDefaultGroup`. It is looked for
  /// along with the list's first rows: every list asks.
  let needsGroupOf: String?

  func reply(_ call: Call) async throws -> Reply {
    let request = try ListRequest(call, R.self)
    let scope = Scope(try call.principal())
    if let limit = request.limit { return try await page(call, request, scope, limit: limit) }
    return try await everything(request, scope)
  }

  private func rows(
    _ tx: Transaction, _ request: ListRequest, _ scope: Scope, after: ListRequest.Position?, limit: Int
  ) throws -> [R] {
    var conditions = request.conditions
    if let visible = scope.visible(R.self) { conditions.append(visible) }
    if let after { conditions.append(request.after(after)) }
    var records: [R] = try tx.rows(R.self, conditions, order: "\(request.orderBy) LIMIT \(limit)")
    if !records.isEmpty { try R.fill(tx, &records) }
    return records
  }

  private func checkGroup(_ tx: Transaction) throws {
    guard let projectID = needsGroupOf, try SecurityGroup.defaultID(tx, projectID) == nil else { return }
    throw NoDefaultGroup(projectID: projectID)
  }

  private func encode(_ records: [R], _ request: ListRequest, _ scope: Scope) -> [UInt8] {
    var writer = ResourceWriter(wanted: request.wanted, admin: scope.isAdmin, capacity: 1024 * max(1, records.count))
    writer.json.beginArray()
    for record in records {
      writer.json.element()
      writer.resource(record)
    }
    return Array(writer.json.bytes.dropFirst())
  }

  /// A page that the client bounded, with links to its neighbours.
  private func page(_ call: Call, _ request: ListRequest, _ scope: Scope, limit: Int) async throws -> Reply {
    let limit = min(limit, ListRequest.chunkRowsMax)
    let (elements, first, last, more) = try await store.read { tx in
      try checkGroup(tx)
      let start = try request.marker.map { try request.position(tx, of: $0, R.self, scope) }
      var records = try rows(tx, request, scope, after: start, limit: limit + 1)
      let more = records.count > limit
      if more { records.removeLast() }
      if request.reverse { records.reverse() }
      return (encode(records, request, scope), records.first?.id, records.last?.id, more)
    }
    let hasNext = request.reverse ? request.marker != nil : more
    let hasPrevious = request.reverse ? more : request.marker != nil
    var links: [(rel: String, href: String)] = []
    if hasNext, let last { links.append(("next", call.networkPage(marker: last, reverse: false))) }
    if hasPrevious, let first { links.append(("previous", call.networkPage(marker: first, reverse: true))) }
    return Reply.json { json in
      json.key(R.plural)
      json.raw(Array("[".utf8) + elements + Array("]".utf8))
      json.pageLinks(R.plural, links)
    }
  }

  /// The whole list, chunk by chunk.
  private func everything(_ request: ListRequest, _ scope: Scope) async throws -> Reply {
    try await Reply.list(R.plural) { (cursor: ListRequest.Position?) in
      try await store.read { tx in
        if cursor == nil { try checkGroup(tx) }
        var start = cursor
        if start == nil, let marker = request.marker { start = try request.position(tx, of: marker, R.self, scope) }
        let records = try rows(tx, request, scope, after: start, limit: ListRequest.chunkRowsMax)
        var next: ListRequest.Position?
        if records.count == ListRequest.chunkRowsMax, let last = records.last {
          next = try request.position(tx, of: last.id, R.self, scope)
        }
        return (encode(records, request, scope), next)
      }
    }
  }
}
