import Kit

/// A role that can be assigned anywhere (roles of one domain alone are not offered).
struct Role: Sendable {
  var id: String
  var name: String
  var description: String?
  var options: [String: JSONValue]
  var extra: [String: JSONValue]

  var isImmutable: Bool { options["immutable"] == .bool(true) }
}
