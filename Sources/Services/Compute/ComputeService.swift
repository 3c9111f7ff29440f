public import API
import Auth
public import Contracts
public import Converge
public import Kit
public import Logging
public import NodeLink
public import Store

/// The compute service: flavors, keypairs, servers, as Nova's API 2.1 offers them.
public final class ComputeService: Sendable {
  /// Asks a node for the last `bytesMax` bytes of a server's console; nil where it has none.
  public typealias ConsoleQuery =
    @Sendable (_ nodeID: String, _ serverID: String, _ bytesMax: Int) async throws -> [UInt8]?

  public static let migrations: [Migration] = SagaTable.migrations + ComputeMigrations.all

  let context: ComputeContext
  private let lifecycle: ServerLifecycle
  private let interfaces: InterfaceSagas
  private let sagas: SagaRunner
  private let uptime: @Sendable () -> Duration
  private let now: @Sendable () -> Timestamp

  /// - Parameters:
  ///   - cloudTag: names the guests' domains to administrators.
  ///   - now: the clock of what is told in dates.
  ///   - uptime: the clock of limits, which nobody can step.
  public init(
    store: any Store, placement: any PlacementContract, networks: any NetworksContract, images: any ImagesContract,
    cloudTag: CloudTag, consoleQuery: @escaping ConsoleQuery, logger: Logger,
    now: @escaping @Sendable () -> Timestamp = { .now() },
    uptime: @escaping @Sendable () -> Duration = PassClock.uptime
  ) {
    context = ComputeContext(
      store: store, placement: placement, networks: networks, images: images, tag: cloudTag,
      consoleQuery: consoleQuery, logger: logger)
    lifecycle = ServerLifecycle(placement: placement, networks: networks, images: images)
    interfaces = InterfaceSagas(lifecycle: lifecycle)
    sagas = SagaRunner(
      "compute.sagas", interfaces.kinds, store: store, clock: PassClock(longest: Self.passMax, uptime: uptime),
      logger: logger)
    self.uptime = uptime
    self.now = now
  }

  /// What one pass of a loop counts at the most towards a limit.
  private static let passMax = Duration.seconds(15)

  /// Every microversion clients ask for.
  static let versions = MicroversionRange(
    serviceType: "compute", legacyHeader: "X-OpenStack-Nova-API-Version", minimum: .compute(1),
    maximum: .compute(100))

  public var api: ServiceAPI {
    ServiceAPI(prefix: "compute", faultStyle: .nova, versions: Self.versions, routes: routes)
  }

  private var routes: [Route] {
    DiscoveryRoutes(versions: Self.versions).routes + FlavorRoutes(context: context).routes
      + FlavorSpecRoutes(context: context).routes + KeypairRoutes(context: context).routes
      + ServerListRoutes(context: context).routes + ServerRoutes(context: context, lifecycle: lifecycle).routes
      + ServerActionRoutes(context: context, lifecycle: lifecycle).routes
      + ServerMetadataRoutes(context: context, lifecycle: lifecycle).routes + ServerTagRoutes(context: context).routes
      + InterfaceRoutes(context: context, interfaces: interfaces, sagas: sagas).routes
      + InstanceActionRoutes(context: context).routes + QuotaRoutes(context: context).routes
      + HostRoutes(context: context).routes + HypervisorRoutes(context: context).routes + ExtensionRoutes.routes
  }

  /// Its loops, each with a clock of its own: ask once, and keep them.
  public var convergers: [any Converger] {
    [
      sagas,
      ActionDeadlines(
        store: context.store, lifecycle: lifecycle, clock: PassClock(longest: Self.passMax, uptime: uptime), now: now),
      LedgerKeeper(context: context, lifecycle: lifecycle, interfaces: interfaces, sagas: sagas),
    ]
  }

  /// Makes the flavors a new cloud begins with, where there is none at all.
  public func bootstrap() async throws {
    try await context.store.write { tx in
      if try tx.exists("SELECT 1 FROM flavor") { return }
      for flavor in StandardFlavors.all { _ = try FlavorTable.insert(tx, flavor) }
    }
  }
}

extension ComputeService: NodeObserver {
  public func observe(_ tx: Transaction, node: String, report: Report) throws {
    try HostTable.observe(tx, node: node, facts: report.facts)
    let observer = ServerObserver(lifecycle: lifecycle)
    for observation in report.observations { try observer.observe(tx, node: node, observation) }
  }
}

extension ComputeService: PortFollower {
  public func portsChanged(_ tx: Transaction, servers: [String], requestID: String?) throws {
    for server in try ServerTable.list(tx, ids: servers) {
      try lifecycle.manifest.put(tx, server, requestID: requestID)
    }
  }
}
