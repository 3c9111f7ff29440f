import NodeLink

/// One object of the manifest as this node keeps it: asked for, or buried under a tombstone.
struct HeldObject: Sendable, Codable, Hashable {
  var key: ObjectKey
  var generation: Int64
  var requestID: String?
  /// What was asked last; nil for a tombstone of something this node never held.
  var spec: ObjectSpec?
  /// Control's mark of the content, said back in the greeting; nil for a tombstone, or from an older control.
  var digest: String?
  /// Whether it is to be removed.
  var buried: Bool
}
