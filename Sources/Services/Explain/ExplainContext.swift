import Auth
import Contracts
import Kit
import Logging
import NodeLink
import Store

/// What the routes and rules of this service stand on.
struct ExplainContext: Sendable {
  /// How long a node may take to tell the way of a port's packets.
  static let pathLimit = Duration.seconds(3)

  let store: any Store
  let tellers: [any StoryTeller]
  let identity: any IdentityContract
  /// Who may do what; nil where nobody can be asked.
  let access: (any AccessContract)?
  let tag: CloudTag
  let pathQuery: ExplainService.PathQuery
  let log: RequestLog
  let metrics: MetricsRegistry
  let facts: [ExplainService.Facts]
  let tracer: Tracer?
  let logger: Logger
  let now: @Sendable () -> Timestamp

  /// Every kind of resource that can be explained.
  var kinds: Set<String> { tellers.reduce(into: [HostStory.kind]) { $0.formUnion($1.storyKinds) } }

  /// The nodes by id, with their names.
  func nodes(_ tx: Transaction) throws -> [String: NodeTable.Node] {
    Dictionary(try NodeTable.all(tx).map { ($0.id, $0) }, uniquingKeysWith: { $1 })
  }
}
