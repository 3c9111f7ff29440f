/// A piece of work with its place in a trace.
public struct Span: Sendable {
  public enum Kind: Int, Sendable { case inner = 1, server = 2, consumer = 5 }
  public enum Attribute: Sendable, Hashable {
    case text(String)
    case number(Int)
  }

  /// Its trace and its own id.
  public var context: TraceContext
  public var parentID: UInt64?
  /// What is done, few different words: `POST /v2.1/servers`, `store.write`.
  public var name: String
  public var kind: Kind
  public var began: Timestamp
  public var ended: Timestamp
  public var attributes: [(String, Attribute)]
  /// Why it went wrong; nil where it went well. Never a secret.
  public var error: String?

  public init(
    context: TraceContext, parentID: UInt64?, name: String, kind: Kind = .inner, began: Timestamp, ended: Timestamp,
    attributes: [(String, Attribute)] = [], error: String? = nil
  ) {
    self.context = context
    self.parentID = parentID
    self.name = name
    self.kind = kind
    self.began = began
    self.ended = ended
    self.attributes = attributes
    self.error = error
  }
}
