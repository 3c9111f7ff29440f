import Kit

/// What every resource of the network API carries.
struct StandardAttributes: Sendable, Hashable {
  var id: String
  /// Empty for what the cloud keeps for itself (a router's gateway port).
  var projectID: String
  var name = ""
  var description = ""
  /// Grows by one with each change.
  var revision = 0
  var createdAt: Timestamp
  var updatedAt: Timestamp
  var tags: [String] = []

  /// Those of a new resource.
  init(projectID: String, name: String = "", now: Timestamp = .now()) {
    id = Identifier.uuid()
    self.projectID = projectID
    self.name = name
    createdAt = now
    updatedAt = now
  }

  init(
    id: String, projectID: String, name: String, description: String, revision: Int, createdAt: Timestamp,
    updatedAt: Timestamp
  ) {
    self.id = id
    self.projectID = projectID
    self.name = name
    self.description = description
    self.revision = revision
    self.createdAt = createdAt
    self.updatedAt = updatedAt
  }
}
