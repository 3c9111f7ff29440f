import Kit
import Logging
import NodeLink
import Synchronization

/// Whether something outside changed the kernel's tables since they were last looked at.
final class TableWatch: Sendable {
  private let changed = Atomic<Bool>(true)
  func note() { changed.store(true, ordering: .releasing) }
  /// Whether they changed; from now on they did not.
  func take() -> Bool { changed.exchange(false, ordering: .acquiringAndReleasing) }
}

/// Loads the host's two tables as one transaction, and finds out whom to leave out when the kernel refuses them.
actor RuleLoader {
  private let thread: NamespaceThread
  private let watch: TableWatch
  private let logger: Logger
  private var loaded: Loaded?

  private struct Loaded {
    var text: String
    /// The tables as the kernel lists them.
    var listing: String
  }

  init(thread: NamespaceThread, watch: TableWatch, logger: Logger) {
    self.thread = thread
    self.watch = watch
    self.logger = logger
  }

  /// Makes the kernel's tables say what `input` says. Leaves out ports and groups the kernel refuses: returns what was
  /// loaded, and why the rest was not. Throws `Refusal` where nothing can be loaded: then the tables are as they were.
  func load(_ asked: RuleInput) async throws -> (input: RuleInput, refused: [ObjectKey: Refusal]) {
    var input = asked
    let changed = watch.take()
    let text = Self.render(input)
    if let loaded, loaded.text == text {
      guard changed else { return (input, [:]) }
      if try await listing(input.names.tag) == loaded.listing { return (input, [:]) }
    }
    loaded = nil
    do {
      try await commit(text, input.names.tag)
      return (input, [:])
    } catch let refusal as Refusal {
      logger.error("nftables refused the rules", metadata: ["error": "\(refusal.message)"])
      let refused = try await isolate(&input)
      guard !refused.isEmpty else { throw refusal }
      try await commit(Self.render(input), input.names.tag)
      return (input, refused)
    }
  }

  static func render(_ input: RuleInput) -> String {
    BridgeTable(input: input).render() + GroupTable(input: input).render()
  }

  private func commit(_ text: String, _ tag: CloudTag) async throws {
    _ = try await thread.run { try Nftables().run(text) }
    loaded = Loaded(text: text, listing: try await listing(tag))
  }

  private func listing(_ tag: CloudTag) async throws -> String {
    try await thread.run {
      let nftables = try Nftables()
      return (nftables.table("bridge", tag.nftTable) ?? "") + (nftables.table("inet", tag.nftTable) ?? "")
    }
  }

  /// Tries each group and each port alone, in tables of another name that are deleted in the same transaction.
  private func isolate(_ input: inout RuleInput) async throws -> [ObjectKey: Refusal] {
    var refused: [ObjectKey: Refusal] = [:]
    for group in input.groups {
      var alone = input
      alone.ports = []
      alone.groups = [group]
      guard let refusal = await trial(alone) else { continue }
      input.emptied.insert(group.id)
      refused[ObjectKey(.securityGroup, group.id)] = refusal
    }
    for port in input.ports {
      var alone = input
      alone.ports = [port]
      alone.groups = input.groups.filter { port.port.groups.contains($0.id) }
      guard let refusal = await trial(alone) else { continue }
      input.dropped.insert(port.port.id)
      refused[ObjectKey(.port, port.port.id)] = refusal
    }
    return refused
  }

  private func trial(_ input: RuleInput) async -> Refusal? {
    let table = input.names.tag.nftTable
    let text =
      Self.render(input).replacing(table, with: table + "_trial")
      + "delete table bridge \(table)_trial\ndelete table inet \(table)_trial\n"
    do {
      _ = try await thread.run { try Nftables().run(text) }
      return nil
    } catch {
      return Refusal("RulesRejected", "The kernel refuses the rules: nothing passes by them.")
    }
  }
}
