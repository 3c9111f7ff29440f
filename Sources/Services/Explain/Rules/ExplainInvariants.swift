public import Contracts
import Store

extension ExplainService: InvariantKeeper {
  public var invariants: [Invariant] {
    [
      Invariant(
        "explain.requests", "What a request spoke of belongs to a request that is kept.",
        repair: "It hurts nobody; the rows of request_subject that are named can go.",
        rows: """
          SELECT 'object ' || s.object_id FROM request_subject s
          WHERE NOT EXISTS (SELECT 1 FROM request_log l WHERE l.number = s.number) ORDER BY 1
          """)
    ]
  }
}
