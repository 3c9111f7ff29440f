import Kit

/// A project that an image is shared with.
struct ImageMember: Sendable, Hashable {
  enum Status: String, Sendable, CaseIterable {
    case pending, accepted, rejected
  }

  var imageID: String
  /// The project's id.
  var memberID: String
  var status: Status
  var createdAt: Timestamp
  var updatedAt: Timestamp
}
