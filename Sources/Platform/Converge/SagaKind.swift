import Foundation
public import Store

/// A kind of saga: its name, its limits, its steps in order, and what is recorded at its end.
public struct SagaKind: Sendable {
  /// A step that reads and writes its input as JSON.
  struct Step: Sendable {
    let name: String
    let act: @Sendable (Transaction, inout String) throws -> SagaOutcome
    let undo: (@Sendable (Transaction, inout String) throws -> SagaUndoing)?
  }

  public let name: String
  public let limits: SagaLimits
  let steps: [Step]
  let ended: @Sendable (Transaction, Saga) throws -> Void

  /// - Parameters:
  ///   - name: as it is stored: it never changes.
  ///   - ended: called in the transaction that ends the saga, done or failed, to record how it went.
  public init<Input: Codable & Sendable>(
    _ name: String, limits: SagaLimits, steps: [SagaStep<Input>],
    ended: @escaping @Sendable (Transaction, Saga, Input) throws -> Void
  ) {
    self.name = name
    self.limits = limits
    self.steps = steps.map(Self.erased)
    self.ended = { tx, saga in try ended(tx, saga, Self.decode(Input.self, saga.input)) }
  }

  private static func erased<Input: Codable & Sendable>(_ step: SagaStep<Input>) -> Step {
    let act = step.act
    guard let undo = step.undo else { return Step(name: step.name, act: { try through($0, &$1, act) }, undo: nil) }
    return Step(name: step.name, act: { try through($0, &$1, act) }, undo: { try through($0, &$1, undo) })
  }

  /// Runs one side of a step on the input that the text holds.
  private static func through<Input: Codable, Result>(
    _ tx: Transaction, _ text: inout String, _ side: (Transaction, inout Input) throws -> Result
  ) throws -> Result {
    var input = try decode(Input.self, text)
    let result = try side(tx, &input)
    text = encode(input, or: text)
    return result
  }

  /// Names of its steps, in order.
  public var stepNames: [String] { steps.map(\.name) }

  static func decode<Input: Decodable>(_ type: Input.Type, _ text: String) throws -> Input {
    try JSONDecoder().decode(Input.self, from: Data(text.utf8))
  }

  /// As JSON with sorted keys, so that equal inputs are equal texts; `old` where it cannot be encoded.
  static func encode(_ input: some Encodable, or old: String) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return (try? encoder.encode(input)).map { String(decoding: $0, as: UTF8.self) } ?? old
  }
}
