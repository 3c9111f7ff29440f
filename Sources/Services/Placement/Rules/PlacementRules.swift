import API
import Contracts
import Kit
import NodeLink
import Store

/// Where a claim goes, and what a host's facts make of its inventory.
enum PlacementRules {
  /// A host that was not heard of for so long gets no new servers.
  static let silenceSecondsMax = 60.0
  /// MiB of a host's memory that are its own.
  private static let reservedMemoryMiB = 512
  /// How many times over processors are given out. Memory and disk are given out once.
  private static let vcpuAllocationRatio = 4.0

  /// Claims on the host with the most free memory of those that fit; nil where none does. A consumer that holds the
  /// same already keeps it. Throws `Fault` 409 where it holds something else.
  static func claim(
    _ tx: Transaction, consumer: String, projectID: String, userID: String, _ amounts: Amounts, at now: Timestamp
  ) throws -> ResourceProvider? {
    let held = try AllocationTable.list(tx, where: ["a.consumer = \(consumer)"])
    if let provider = held.first?.provider {
      let heldAmounts = Dictionary(held.map { ($0.resourceClass, $0.used) }, uniquingKeysWith: +)
      guard heldAmounts == amounts else { throw Fault.conflict("The server holds another claim already.") }
      return try ProviderTable.find(tx, provider)
    }
    let living = now.adding(seconds: -silenceSecondsMax)
    guard let best = try ProviderTable.roomiest(tx, amounts, seenSince: living) else { return nil }
    try AllocationTable.insert(
      tx, consumer: consumer, projectID: projectID, userID: userID, provider: best, amounts, at: now)
    return try ProviderTable.touch(tx, uuid: best, at: now)
  }

  /// Gives back what the consumer holds.
  static func release(_ tx: Transaction, consumer: String, at now: Timestamp) throws {
    for provider in try AllocationTable.delete(tx, consumer: consumer).sorted() {
      try ProviderTable.touch(tx, uuid: provider, at: now)
    }
  }

  /// Takes in what a host says it is; stores it only where it changed. What is claimed already stays, even where the
  /// host has become too small for it.
  static func take(_ tx: Transaction, node: String, _ facts: NodeFacts, at now: Timestamp) throws {
    let old = try ProviderTable.find(tx, node)
    if old == nil { try ProviderTable.insert(tx, uuid: node, name: facts.hostname, at: now) }
    var changed = old == nil
    if let old, old.name != facts.hostname {
      try ProviderTable.rename(tx, uuid: node, name: facts.hostname)
      changed = true
    }
    for (resource, inventory) in inventories(facts) {
      var before = old?.inventories[resource]
      before?.used = 0
      if before == inventory { continue }
      try ProviderTable.setInventory(tx, uuid: node, resource, inventory)
      changed = true
    }
    if changed { try ProviderTable.touch(tx, uuid: node, at: now) } else { try ProviderTable.recount(tx, uuid: node) }
  }

  private static func inventories(_ facts: NodeFacts) -> [ResourceClass: Inventory] {
    [
      .vcpu: Inventory(total: facts.vcpus, reserved: 0, allocationRatio: vcpuAllocationRatio),
      .memory: Inventory(total: facts.memoryMiB, reserved: reservedMemoryMiB, allocationRatio: 1),
      .disk: Inventory(total: facts.diskGiB, reserved: 0, allocationRatio: 1),
    ]
  }
}
