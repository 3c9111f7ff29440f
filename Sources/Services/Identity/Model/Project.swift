import Kit

/// A project, or a domain where `isDomain`.
struct Project: Sendable {
  var id: String
  var name: String
  /// nil for a domain.
  var domainID: String?
  /// The domain's id for a project at the top; nil for a domain.
  var parentID: String?
  var isDomain: Bool
  var enabled: Bool
  var description: String
  /// `{"immutable": true}` or empty.
  var options: [String: JSONValue]
  /// Members nobody knows, kept as they came.
  var extra: [String: JSONValue]
  var tags: [String] = []

  /// Whether it may be neither changed nor deleted.
  var isImmutable: Bool { options["immutable"] == .bool(true) }
}
