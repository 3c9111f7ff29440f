import Kit
import Logging
import NodeLink

/// Loads the host's two tables as one transaction, and finds out whom to leave out when the kernel refuses them.
actor RuleLoader {
  /// What came of it.
  struct Outcome: Sendable {
    /// What the kernel's tables say now.
    var input: RuleInput
    /// What was left out, with the reason.
    var refused: [ObjectKey: Refusal] = [:]
    /// What somebody did to our tables, in words.
    var found: String?
    /// When the tables were loaded: their counters count from then.
    var loaded: Timestamp?
  }

  private let thread: NamespaceThread
  private let logger: Logger
  private let names: Names
  private let path: String
  private var tables: KernelTables?
  /// What the text last asked for came to, where the kernel refused some of it.
  private var partly: (asked: String, input: RuleInput, refused: [ObjectKey: Refusal])?
  private var loaded: Timestamp?

  init(names: Names, path: String, thread: NamespaceThread, logger: Logger) {
    self.names = names
    self.path = path
    self.thread = thread
    self.logger = logger
  }

  /// Forgets all that was loaded.
  func forget() {
    (tables, partly) = (nil, nil)
  }

  /// Makes the kernel's tables say what `asked` says. Leaves out ports and groups the kernel refuses. Throws `Refusal`
  /// where nothing can be loaded: then the tables are as they were.
  func load(_ asked: RuleInput) async throws -> Outcome {
    let text = Self.render(asked)
    let known = partly?.asked == text ? partly : nil
    let wanted = known.map { Self.render($0.input) } ?? text
    let compared = try await compare(wanted)
    var outcome = Outcome(input: known?.input ?? asked, refused: known?.refused ?? [:], found: compared.found)
    if compared.same {
      outcome.loaded = loaded
      return outcome
    }
    CrashPoint.pass(.loadRules, .before)
    do {
      try await commit(wanted)
    } catch let refusal as Refusal {
      logger.error("nftables refused the rules", metadata: ["error": "\(refusal.message)"])
      (outcome.input, outcome.refused) = await isolate(asked)
      guard !outcome.refused.isEmpty else { throw refusal }
      try await commit(Self.render(outcome.input))
      partly = (text, outcome.input, outcome.refused)
    }
    CrashPoint.pass(.loadRules, .after)
    loaded = .now()
    outcome.loaded = loaded
    return outcome
  }

  static func render(_ input: RuleInput) -> String {
    BridgeTable(input: input).render() + GroupTable(input: input).render()
  }

  /// The tables as far as the file knows them.
  private var kernelTables: KernelTables {
    KernelTables(
      path: path, tables: ["bridge", "inet"].map { KernelTables.Table(family: $0, name: names.tag.nftTable) })
  }

  private func compare(_ text: String) async throws -> KernelTables.Comparison {
    let before = tables ?? kernelTables
    let (after, compared) = try await thread.run { () -> (KernelTables, KernelTables.Comparison) in
      var tables = before
      let compared = try tables.compare(text)
      return (tables, compared)
    }
    tables = after
    return compared
  }

  private func commit(_ text: String) async throws {
    let before = tables ?? kernelTables
    tables = nil
    tables = try await thread.run {
      var tables = before
      try tables.load(text)
      return tables
    }
  }

  /// Finds a largest set of groups, and then of ports, that the kernel takes together: one that is refused alone or
  /// beside the others is left out, and stops nobody else.
  private func isolate(_ asked: RuleInput) async -> (RuleInput, [ObjectKey: Refusal]) {
    var input = asked
    input.ports = []
    var refused: [ObjectKey: Refusal] = [:]
    let groups = await keep(asked.groups) { chosen in
      var trial = input
      trial.groups = chosen
      return trial
    }
    input.emptied = Set(asked.groups.map(\.id)).subtracting(groups.map(\.id))
    for id in input.emptied { refused[ObjectKey(.securityGroup, id)] = Self.rejected }
    let ports = await keep(asked.ports) { chosen in
      var trial = input
      trial.ports = chosen
      return trial
    }
    input.ports = asked.ports
    input.dropped = Set(asked.ports.map(\.port.id)).subtracting(ports.map(\.port.id))
    for id in input.dropped { refused[ObjectKey(.port, id)] = Self.rejected }
    return (input, refused)
  }

  private static let rejected = Refusal(
    "RulesRejected", "The kernel refuses the rules, alone or beside others': nothing passes by them.")

  /// The items that can stand together, found by halves.
  private func keep<Item: Sendable>(_ items: [Item], _ input: ([Item]) -> RuleInput) async -> [Item] {
    var kept: [Item] = []
    var waiting = [items]
    while let part = waiting.popLast() {
      guard !part.isEmpty else { continue }
      if await passes(input(kept + part)) {
        kept += part
      } else if part.count > 1 {
        let middle = part.count / 2
        waiting.append(Array(part[middle...]))
        waiting.append(Array(part[..<middle]))
      }
    }
    return kept
  }

  /// Tries the rules in tables of another name that are deleted in the same transaction.
  private func passes(_ input: RuleInput) async -> Bool {
    let table = names.tag.nftTable
    let text =
      Self.render(input).replacing(table, with: table + "_trial")
      + "delete table bridge \(table)_trial\ndelete table inet \(table)_trial\n"
    return (try? await thread.run { try Nftables().run(text) }) != nil
  }
}
