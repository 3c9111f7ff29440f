import API
import Contracts
import Kit

extension JSONWriter {
  /// `{"kind": …}`: what would be lost.
  mutating func impact(_ impact: Impact) {
    object {
      $0.field("kind", impact.kind.rawValue)
      $0.field("id", impact.id)
      $0.field("name", impact.name)
      $0.field("rows") { json in
        for (table, count) in impact.rows.sorted(by: { $0.key < $1.key }) {
          json.field(RestoreRules.word(table), count)
        }
      }
      $0.sort("users", impact.users)
      $0.sort("assignments", impact.assignments)
      $0.sort("application_credentials", impact.applicationCredentials)
      $0.sort("trusts", impact.trusts)
      $0.sort("credentials", impact.credentials)
      $0.sort("users_without_role", impact.withoutRole)
      $0.sort("automation", impact.automation)
      $0.field("keypairs", impact.keypairs) { $0.holding($1) }
      $0.field("unreachable", impact.unreachable) { $0.lost($1) }
      $0.field("refused_without_force", impact.refusal)
      $0.field("restorable_until", impact.restorableUntil.iso8601Microseconds)
    }
  }

  /// A project that gets out of reach, and what it holds.
  mutating func lost(_ lost: Impact.Lost) {
    object {
      $0.field("project_id", lost.project.id)
      $0.field("project_name", lost.project.name)
      $0.field("holds", lost.holdings) { $0.holding($1) }
    }
  }

  private mutating func sort(_ name: String, _ sort: Impact.Sort) {
    field(name) { json in
      json.field("count", sort.count)
      json.field("first", sort.first) { $0.value($1) }
    }
  }

  private mutating func holding(_ holding: Holding) {
    object {
      $0.field("kind", holding.kind)
      $0.field("count", holding.count)
      $0.field("ids", holding.ids)
    }
  }
}
