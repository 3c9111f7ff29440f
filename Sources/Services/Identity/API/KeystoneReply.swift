import API
import Kit
import Store

extension Call {
  /// A link below `/identity/v3`, as the client reached us.
  func link(_ path: String) -> String { baseURL + "/identity/v3" + path }

  /// A list that is at hand, with its links.
  func list<Record>(
    _ name: String, _ records: [Record], _ encode: (inout JSONWriter, Record) -> Void
  ) -> Reply {
    Reply.json {
      $0.field(name, records, encode)
      links(&$0, next: nil)
    }
  }

  /// A list read in chunks in the order of ids: whole where the client names no `limit`, else one page with a link to
  /// the next. Throws `Fault` 400 for a `limit` that is none.
  func list<Record: Sendable>(
    _ name: String, from store: any Store,
    read: @escaping @Sendable (Transaction, Chunk) throws -> [Record], id: @escaping @Sendable (Record) -> String,
    _ encode: @escaping @Sendable (inout JSONWriter, Record) -> Void
  ) async throws -> Reply {
    let page = try page(default: nil, maximum: nil)
    if let limit = page.limit.map({ min($0, Self.rowsMax) }) {
      let records = try await store.read { tx in
        try read(tx, Chunk(after: page.marker, count: limit + 1))
      }
      let next = records.count > limit && limit > 0 ? nextPage(marker: id(records[limit - 1])) : nil
      return Reply.json {
        $0.field(name, records.prefix(limit), encode)
        links(&$0, next: next)
        if next != nil { $0.field("truncated", true) }
      }
    }
    var trailer = JSONWriter()
    trailer.object { links(&$0, next: nil) }
    return try await Reply.list(name, trailer: [UInt8(ascii: ",")] + trailer.bytes.dropFirst().dropLast()) {
      (after: String?) in
      try await store.read { tx in
        let records = try read(tx, Chunk(after: after ?? page.marker, count: Self.rowsMax))
        let next = records.count == Self.rowsMax ? records.last.map(id) : nil
        return (JSONWriter.elements(records, encode), next)
      }
    }
  }

  /// Rows read at once at the most.
  private static let rowsMax = 1000

  private func links(_ json: inout JSONWriter, next: String?) {
    json.field("links") {
      $0.field("next", next)
      $0.field("self", baseURL + path)
      $0.field("previous", nil as String?)
    }
  }
}

extension JSONWriter {
  /// `"links": {"self": …}`.
  mutating func links(_ address: String) {
    field("links") { $0.field("self", address) }
  }

  /// Members nobody knows, as they came.
  mutating func extra(_ members: [String: JSONValue]) {
    for (name, value) in members.sorted(by: { $0.key < $1.key }) { field(name, value) }
  }

  mutating func named(_ name: String, id: String, _ value: String) {
    field(name) {
      $0.field("id", id)
      $0.field("name", value)
    }
  }
}

extension Reply {
  /// One resource below its name: `{"project": {…}}`.
  static func one(_ status: Int, _ name: String, _ write: (inout JSONWriter) -> Void) -> Reply {
    Reply.json(status) {
      $0.key(name)
      write(&$0)
    }
  }

  /// 204 without a body.
  static var done: Reply { Reply(status: 204) }
}

extension Fault {
  static func noSuch(_ kind: String, _ id: String) -> Fault { .notFound("Could not find \(kind): \(id.quoted).") }
}
