import Kit

/// What can be deleted and restored.
enum DeletedKind: String, Sendable, CaseIterable {
  case user, group, role, project, domain

  /// Where it is stored.
  var table: String {
    switch self {
    case .user, .group, .role: "identity_\(rawValue)"
    case .project, .domain: "identity_project"
    }
  }
}

/// Something that was deleted, with when and by whom, and how long it can be restored.
struct DeletedEntry: Sendable {
  /// The entry's own: a thing may be deleted, restored and deleted again.
  var id: String
  var kind: DeletedKind
  var objectID: String
  var name: String
  /// The domain it belonged to; nil for a domain, and for a role of the whole cloud.
  var domainID: String?
  var deletedAt: Timestamp
  /// The id of the user who asked for it.
  var deletedBy: String?
  var requestID: String?
  var purgeAfter: Timestamp
  /// Rows kept of it.
  var rows = 0
}

/// One row of a table as it was.
struct ArchivedRow: Sendable {
  var table: String
  /// Columns by name: text, whole numbers, null, and `{"bytes": …}` in base64url.
  var values: [String: JSONValue]
  /// The values of the table's primary key (of all columns where it has none), as JSON.
  var key: String

  /// Its ids and its name: never what could be secret.
  var ids: [String: String?] {
    values.filter { name, _ in name == "id" || name == "name" || name.hasSuffix("_id") }.mapValues(\.string)
  }

  /// In the place of a table: a user's wish for a project that went, though the user stayed.
  static let defaultProject = "identity_user.default_project_id"
}
