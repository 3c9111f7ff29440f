import Kit

/// A group of users.
struct Group: Sendable {
  var id: String
  var domainID: String
  var name: String
  var description: String
  var extra: [String: JSONValue]
}
