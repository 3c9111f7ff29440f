import Kit

/// Writes one resource's members, only those that were asked for with `fields=`.
struct ResourceWriter {
  var json: JSONWriter
  /// nil is all.
  let wanted: Set<String>?
  /// Whether members for administrators are written.
  let admin: Bool

  init(wanted: Set<String>? = nil, admin: Bool, capacity: Int = 1024) {
    json = JSONWriter(capacity: capacity)
    self.wanted = wanted
    self.admin = admin
  }

  private func wants(_ name: String) -> Bool { wanted.map { $0.contains(name) } ?? true }

  mutating func field(_ name: String, _ value: String?) { if wants(name) { json.field(name, value) } }
  mutating func field(_ name: String, _ value: Int?) { if wants(name) { json.field(name, value) } }
  mutating func field(_ name: String, _ value: Bool) { if wants(name) { json.field(name, value) } }
  mutating func field(_ name: String, _ values: [String]) { if wants(name) { json.field(name, values) } }
  mutating func field(_ name: String, raw text: String) { if wants(name) { json.field(name, raw: text) } }

  /// A list of objects.
  mutating func field<S: Sequence>(_ name: String, _ elements: S, _ body: (inout JSONWriter, S.Element) -> Void) {
    if wants(name) { json.field(name, elements) { json, element in json.object { body(&$0, element) } } }
  }

  /// A list whose elements `body` writes whole.
  mutating func list<S: Sequence>(_ name: String, _ elements: S, _ body: (inout JSONWriter, S.Element) -> Void) {
    if wants(name) { json.field(name, elements, body) }
  }

  /// One object, or null.
  mutating func object(_ name: String, _ body: ((inout JSONWriter) -> Void)?) {
    guard wants(name) else { return }
    if let body { json.field(name, body) } else { json.field(name, nil as String?) }
  }

  /// The whole resource as an object.
  mutating func resource<R: StoredResource>(_ record: R) {
    json.beginObject()
    field("id", record.standard.id)
    field("project_id", record.standard.projectID)
    field("tenant_id", record.standard.projectID)
    field("description", record.standard.description)
    field("revision_number", record.standard.revision)
    field("created_at", record.standard.createdAt.iso8601)
    field("updated_at", record.standard.updatedAt.iso8601)
    if R.hasName { field("name", record.standard.name) }
    if R.hasTags { field("tags", record.standard.tags) }
    record.encode(&self)
    json.endObject()
  }
}

extension StoredResource {
  static var hasName: Bool { kind != FloatingIP.kind && kind != SecurityGroupRule.kind }
  static var hasTags: Bool { kind != SecurityGroupRule.kind }
}
