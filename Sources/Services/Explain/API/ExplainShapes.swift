import API
import NodeLink

extension QueryShape {
  /// Haneul's own routes take what they know and refuse the rest.
  static func strict(_ parameters: [Parameter]) -> QueryShape { QueryShape(parameters, others: .refused) }

  static let nothing = strict([])

  static let drift = strict([
    Parameter("open", .boolean), "node", "field", "subject", Parameter("limit", .natural), "marker",
  ])

  static let whoCan = strict([Parameter("action", required: true), "resource"])

  static let audit = strict([
    "initiator", "target", Parameter("outcome", .choice(["success", "failure"])), "kind", Parameter("since", .time),
    "request", Parameter("limit", .natural), "marker",
  ])
}

extension JSONShape {
  static let quarantineDecision = object([.needed("action", choice(["remove"]))])
}
