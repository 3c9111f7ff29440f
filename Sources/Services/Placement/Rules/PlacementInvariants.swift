public import Contracts
import Store

extension PlacementService: InvariantKeeper {
  public var invariants: [Invariant] {
    [
      Invariant(
        "placement.allocations", "What is allocated is more than nothing, of a class that the host has.",
        repair: "haneul control compares claims with servers every minute, and writes them anew.",
        rows: """
          SELECT 'consumer ' || a.consumer || ' of ' || a.provider || ': ' || a.class FROM allocation a
          WHERE a.used <= 0 OR NOT EXISTS (
            SELECT 1 FROM inventory i WHERE i.provider = a.provider AND i.class = a.class)
          ORDER BY 1
          """),
      Invariant(
        "placement.inventories", "A host has no less of anything than nothing, and keeps back no more than it has.",
        repair: "Restart the host's node: it says anew what it has.",
        rows: """
          SELECT 'host ' || provider || ': ' || class FROM inventory
          WHERE total < 0 OR reserved < 0 OR allocation_ratio <= 0 ORDER BY 1
          """),
    ]
  }
}
