public import Kit
public import Store

/// What sagas say of themselves on a page of metrics.
public enum SagaFacts {
  /// Writes how many sagas of each kind stand where. Throws `StoreError`.
  public static func write(_ tx: Transaction, _ page: inout MetricsPage) throws {
    let counts = try tx.query("SELECT kind, state, count(*) FROM saga GROUP BY kind, state ORDER BY kind, state") {
      (kind: $0.text(0), state: $0.text(1), count: $0.int(2))
    }
    page.family("haneul_sagas", "gauge", "Sagas by kind and state; ended ones are kept for a while.") { page in
      for row in counts { page.sample([("kind", row.kind), ("state", row.state)], row.count) }
    }
  }
}
