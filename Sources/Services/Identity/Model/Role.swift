import Kit

/// A role: of the cloud, or of one domain. Who has a role of a domain has the roles of the cloud that it implies; it is
/// never in a token itself.
struct Role: Sendable {
  var id: String
  var name: String
  /// nil for a role of the cloud.
  var domainID: String?
  var description: String?
  var options: [String: JSONValue]
  var extra: [String: JSONValue]

  var isImmutable: Bool { options["immutable"] == .bool(true) }
}
