public import Contracts
import NodeLink
import Store

extension ComputeService: InvariantKeeper {
  private static let byItself = "haneul control compares ledgers with servers every minute, and puts them right."
  private static let byDelete = "Delete the server; where its disk is wanted, make a snapshot first."

  public var invariants: [Invariant] {
    [
      ledger("compute.claims", "What a server takes is claimed on its host, and nothing else is claimed.") {
        switch $0 {
        case .claim(let id): "server \(id)"
        case .strayClaim(let id): "no server \(id)"
        default: nil
        }
      },
      ledger("compute.pins", "The image bytes that a server stands on are pinned for it, and for nobody else.") {
        switch $0 {
        case .pin(let id): "server \(id)"
        case .strayPin(let pin): "\(pin.holder) on \(pin.digest)"
        default: nil
        }
      },
      ledger("compute.ports", "A port that is a server's is of a server that there is.") {
        if case .strayPorts(let id) = $0 { "no server \(id)" } else { nil }
      },
      ledger("compute.manifest", "A server's host is asked to hold it.") {
        if case .manifest(let id) = $0 { "server \(id)" } else { nil }
      },
      ledger(
        "compute.departures", "What is on its way out is seen to: a server that is deleted, a card that is detached."
      ) {
        switch $0 {
        case .forgottenDelete(let id): "server \(id)"
        case .forgottenCard(let id, let port): "port \(port) of server \(id)"
        default: nil
        }
      },
      Invariant(
        "compute.strangers", "No host is asked to hold a server that is unknown, or lives elsewhere.",
        repair: "Look at it with haneul whatis; haneul quarantine tells what its host says."
      ) { tx in
        try LedgerKeeper.strayManifests(tx).map {
          if case .strayManifest(let server, let node) = $0 { "server \(server) on \(node)" } else { "\($0)" }
        }
      },
    ] + records
  }

  /// What `LedgerKeeper` would repair, as far as `describe` has words for it.
  private func ledger(
    _ name: String, _ sentence: String, describe: @escaping @Sendable (LedgerKeeper.Difference) -> String?
  ) -> Invariant {
    Invariant(name, sentence, repair: Self.byItself) { [context] tx in
      var broken: [String] = []
      for ledger in LedgerKeeper.ledgers {
        var last = ""
        while broken.count < Invariant.namedMax {
          let (found, end) = try ledger(context, tx, last)
          broken += found.compactMap(describe)
          guard let end else { break }
          last = end
        }
      }
      return broken
    }
  }

  private var records: [Invariant] {
    [
      Invariant(
        "compute.slots", "Two cards of a server never have the same place.", repair: Self.byDelete,
        rows: """
          SELECT 'server ' || server_id FROM server_card GROUP BY server_id, slot HAVING count(*) > 1 ORDER BY 1
          """),
      Invariant(
        "compute.sagas", "Work that goes on is about a server that stays.",
        repair: "haneul control ends it when the server is gone; its log tells why it has not.",
        rows: """
          SELECT g.kind || ' of server ' || g.subject FROM saga g LEFT JOIN server s ON s.id = g.subject
          WHERE g.state IN ('forward', 'unwinding') AND (s.id IS NULL OR s.deleting = 1) ORDER BY 1
          """),
      Invariant(
        "compute.actions", "What a server does is recorded as going on.", repair: Self.byDelete,
        rows: """
          SELECT 'server ' || s.id || ': ' || s.action FROM server s WHERE s.action IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM instance_action a WHERE a.server_id = s.id AND a.request_id = s.action_request_id
              AND a.finished_at IS NULL)
          ORDER BY 1
          """),
      Invariant(
        "compute.faults", "A server in ERROR says why.", repair: Self.byDelete,
        rows: "SELECT 'server ' || id FROM server WHERE status = 'ERROR' AND fault_message IS NULL ORDER BY id"),
      Invariant(
        "compute.quotas", "A limit is a number, or -1 for none.",
        repair: "openstack quota set sets it anew.",
        rows: """
          SELECT 'project ' || project_id || ': ' || resource FROM compute_quota WHERE hard_limit < -1 ORDER BY 1
          """),
      .json(
        "compute.documents", table: "server", key: "id",
        columns: ["metadata", "tags", "extra_specs", "scheduler_hints"]),
      .json("compute.saga_documents", table: "saga", key: "id", columns: ["input"]),
    ]
  }
}
