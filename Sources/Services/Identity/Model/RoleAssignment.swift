/// Who has a role: a user, or each member of a group.
enum Actor: Sendable, Hashable {
  case user(String)
  case group(String)
}

/// Where a role holds.
enum Target: Sendable, Hashable {
  case project(String)
  case domain(String)
  case system

  /// The row of `identity_project` it stands for; nil for the system.
  var projectID: String? {
    switch self {
    case .project(let id), .domain(let id): id
    case .system: nil
    }
  }
}
