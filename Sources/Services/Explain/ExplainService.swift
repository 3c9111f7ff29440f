public import API
import Auth
public import Contracts
public import Kit
public import Logging
public import NodeLink
public import Store

/// What the cloud tells of itself: the story of each resource, what a name or address stands for, drift, quarantine
/// and metrics. It keeps the request log and what nodes say of each object; everything else it asks the services.
public struct ExplainService: Sendable {
  /// Asks a node for the way of a port's packets, a `PacketPath` as JSON; nil where there is nothing to give.
  public typealias PathQuery = @Sendable (_ nodeID: String, _ portID: String) async throws -> [UInt8]?

  /// Writes more families onto the page of metrics, from the store.
  public typealias Facts = @Sendable (Transaction, inout MetricsPage) throws -> Void

  /// The schema, for `Store.migrate`. NodeLink's must have run before.
  public static var migrations: [Migration] { ExplainMigrations.all }

  private let context: ExplainContext

  /// - Parameters:
  ///   - tellers: the services whose resources have stories.
  ///   - access: tells who may do what; nil leaves `who-can` and `why-denied` out.
  ///   - auditFile: gets each record of the audit trail as a line of JSON; nil keeps them in the store alone.
  ///   - metrics: what this process counts.
  ///   - facts: what else the store has to say.
  ///   - tracer: is told of nodes' steps; nil traces nothing.
  public init(
    store: any Store, tellers: [any StoryTeller], identity: any IdentityContract,
    access: (any AccessContract)? = nil, cloudTag: CloudTag,
    pathQuery: @escaping PathQuery, auditFile: LineFile? = nil, metrics: MetricsRegistry = MetricsRegistry(),
    facts: [Facts] = [], tracer: Tracer? = nil, logger: Logger, now: @escaping @Sendable () -> Timestamp = { .now() }
  ) {
    context = ExplainContext(
      store: store, tellers: tellers, identity: identity, access: access, tag: cloudTag, pathQuery: pathQuery,
      log: RequestLog(store: store, file: auditFile, logger: logger), metrics: metrics, facts: facts, tracer: tracer,
      logger: logger,
      now: now)
  }

  /// Its routes, below `/haneul`, which also describe those of the other services.
  public func api(describing others: [ServiceAPI]) -> ServiceAPI {
    ServiceAPI(
      prefix: "haneul", faultStyle: .nova,
      routes: DiscoveryRoutes.routes + StoryRoutes(context: context).routes + WhatisRoutes(context: context).routes
        + DriftRoutes(context: context).routes + QuarantineRoutes(context: context).routes
        + MetricsRoutes(context: context).routes + AuditRoutes(context: context).routes
        + AccessRoutes(context: context, services: { others + [api(describing: others)] }).routes
        + OpenAPIRoutes(services: { others + [api(describing: others)] }).routes)
  }

  /// Writes the request log until the task is cancelled.
  public func run() async { await context.log.run() }

  /// Writes what the request log still holds: the last thing before the process ends.
  public func flush() async { await context.log.flush(all: true) }

  /// The page of metrics. Throws `StoreError`.
  public func metricsPage() async throws -> String { try await MetricsRoutes(context: context).page() }

  /// What is done about each kind of drift, for people.
  public static var driftPolicies: String { DriftText.policies }

  /// The same as JSON, `{"policies": […]}`.
  public static var driftPoliciesJSON: String { String(decoding: DriftRoutes.policies, as: UTF8.self) }
}

extension ExplainService: RequestKeeper {
  public func keep(_ request: AnsweredRequest) { context.log.keep(request) }
}

extension ExplainService: NodeObserver {
  /// Keeps what the node says of each object, and counts its steps.
  public func observe(_ tx: Transaction, node: String, report: Report) throws {
    try SightTable.note(tx, node: node, report.observations, at: context.now())
    if !report.events.isEmpty {
      try StepCountTable.add(tx, report.events)
      if let tracer = context.tracer { try StepSpans(tracer: tracer).tell(tx, node: node, report.events) }
    }
  }
}
