/// A value that must not be seen in logs, faults or dumps: printing it gives `‹secret›`.
public struct Secret<Value: Sendable>: Sendable, CustomStringConvertible, CustomDebugStringConvertible,
  CustomReflectable
{
  private let value: Value

  public init(_ value: Value) { self.value = value }

  /// The value itself. Ask for it only where it is used.
  public func reveal() -> Value { value }

  public var description: String { "‹secret›" }
  public var debugDescription: String { "‹secret›" }
  public var customMirror: Mirror { Mirror(self, children: []) }
}
