public import Kit

/// A difference between what was asked and what was found, with what was done about it. There is at most one open
/// finding of a subject and field on a node; it is said again when it changes or settles.
public struct DriftFinding: Sendable, Codable, Hashable {
  /// What it is about: the object's key as text (`server/UUID`), or what the host calls it (`domain web1`,
  /// `bridge br0`).
  public var subject: String
  /// The object of the manifest, where it is one.
  public var key: ObjectKey?
  public var field: DriftField
  public var asked: String
  public var found: String
  /// When the node noticed.
  public var since: Timestamp
  /// What was done, or why nothing: `booted again`, `left alone`.
  public var done: String
  /// When the world was as asked again, or the difference was adopted; nil while it is open.
  public var settled: Timestamp?

  public init(
    subject: String, key: ObjectKey?, field: DriftField, asked: String, found: String, since: Timestamp, done: String,
    settled: Timestamp? = nil
  ) {
    self.subject = subject
    self.key = key
    self.field = field
    self.asked = asked
    self.found = found
    self.since = since
    self.done = done
    self.settled = settled
  }
}
