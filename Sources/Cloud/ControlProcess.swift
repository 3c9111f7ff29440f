import API
import Auth
import Compute
import Converge
import Explain
import Foundation
import Identity
import Images
import Kit
import Logging
import Networks
import NodeLink
import Placement
import Store

/// The control process: store, services, convergers, the API's listener and the nodes' link.
public struct ControlProcess: Sendable {
  /// Rows kept of the change feed.
  static let changesKept = 100_000

  let state: StateDirectory
  /// Which of the cloud's control processes on this machine it is, from 1.
  let number: Int

  public init(state: StateDirectory, number: Int = 1) {
    self.state = state
    self.number = number
  }

  /// Runs until SIGTERM or SIGINT. Throws `CloudProblem` where it cannot start, and `ReleaseTooOld`.
  public func run() async throws {
    umask(0o077)
    try await run(until: Signals.untilTerminated)
  }

  /// Runs until `ending`, which is given the work, ends it.
  func run(
    until ending: (@escaping @Sendable () async throws -> Void) async throws -> Void,
    releaseCheck: Duration = ReleaseWatch.interval
  ) async throws {
    do { try await serve(ending, releaseCheck) } catch let error as SchemaTooNew {
      let old = ReleaseTooOld(error)
      ProcessLog.logger("control").critical(
        "control stops: this program is too old for the store",
        metadata: ["error": "\(old)", "release": "\(error.release)", "needed": "\(error.oldest)"])
      throw old
    } catch let error as StoreError {
      guard let cloud = try? state.readSettings(), let address = try? StoreAddress(state: state, settings: cloud)
      else { throw error }
      throw CloudStore.problem(address, error, "cannot be used")
    }
  }

  private func serve(
    _ ending: (@escaping @Sendable () async throws -> Void) async throws -> Void, _ releaseCheck: Duration
  ) async throws {
    let lock = try ProcessLock(state.lock(.control, number))
    guard let cloud = try state.readSettings() else {
      throw CloudProblem("There is no cloud in \(state.path). `haneul up --state-dir \(state.path)` makes one.")
    }
    guard (1...cloud.controlCount).contains(number) else {
      throw CloudProblem("This cloud has \(cloud.controlCount) control processes: haneul up --controls \(number)")
    }
    let settings = cloud.seen(byControl: number)
    let logger = ProcessLog.logger("control")
    let socket = state.linkSocket(control: number)
    let observe = settings.observe ?? ObserveSettings()
    let observing = Observing(observe, state: state, cloudID: settings.cloudID, control: number, logger: logger)
    let services = try await Services(
      state: state, settings: settings, place: settings.usesPostgres ? socket : nil, observing: observing,
      logger: logger)
    // The others find what the first one made.
    if number == 1 { try await services.bootstrap(state: state, settings: settings) }
    let link = services.link
    let listener = HTTPListener(
      gateway: services.gateway, host: settings.host, port: settings.port,
      proxies: settings.edge?.proxies ?? ProxyTrust(), tls: settings.tls(state), logger: logger)
    let leases =
      settings.usesPostgres
      ? LeaseKeeper(store: services.store, holder: "\(ProcessInfo.processInfo.hostName)/\(number)", logger: logger)
      : nil
    let convergers = services.convergers.map(observing.convergers.counting)
    let loop = ConvergeLoop(convergers, store: services.store, leases: leases, logger: logger)
    let explain = services.explain
    let releases = ReleaseWatch(store: services.store, interval: releaseCheck)
    do {
      try await ending {
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask { try await link.run(socketPath: socket) { observing.linkIsOpen.raise() } }
          if let probes = services.probes(observe, logger: logger) { group.addTask { try await probes.run() } }
          group.addTask { try await listener.run() }
          group.addTask { await loop.run() }
          group.addTask { await explain.run() }
          group.addTask { try await releases.run() }
          defer { group.cancelAll() }
          try await group.next()
        }
      }
    } catch {
      await explain.flush()
      await observing.flush()
      throw error
    }
    await explain.flush()
    await observing.flush()
    withExtendedLifetime(lock) {}
  }
}

/// Every service of a cloud, knowing each other by their contracts only.
struct Services: Sendable {
  let store: any Store
  let identity: IdentityService
  let images: ImagesService
  let placement: PlacementService
  let networks: NetworksService
  let compute: ComputeService
  let explain: ExplainService
  let link: NodeLinkServer
  let gateway: Gateway
  let readiness: Readiness

  /// The whole schema, in the order in which it is made.
  static let migrations =
    NodeLinkServer.migrations + IdentityService.migrations + ImagesService.migrations + PlacementService.migrations
    + NetworksService.migrations + ComputeService.migrations + ExplainService.migrations + LeaseTable.migrations

  /// - Parameters:
  ///   - given: a store that is claimed by this cloud already; nil opens the cloud's own.
  ///   - place: the socket of this control's link, where others share the store; nil where it is alone.
  init(
    state: StateDirectory, settings: CloudSettings, store given: (any Store)? = nil, place: String? = nil,
    observing: Observing = Observing(), logger: Logger
  ) async throws {
    let opened: any Store
    if let given { opened = given } else { opened = try await CloudStore.open(state: state, settings: settings) }
    try await opened.migrate(Self.migrations)
    // Where processes share the store, what converges writes under its lease only.
    let metered = MeteredStore(opened, meter: observing.stores)
    let store: any Store = place == nil ? metered : FencedStore(metered)
    let identity = try IdentityService(
      store: store, keysDirectory: state.keys, credentialKeysDirectory: state.credentialKeys,
      baseURL: settings.baseURL, settings: (settings.identity ?? IdentityChoices()).settings, logger: logger,
      holders: [ComputeHoldings(), ImagesHoldings(), NetworksHoldings()])
    let images = try ImagesService(store: store, directory: state.images)
    let placement = PlacementService(store: store)
    let links = Later<NodeLinkServer>()
    let networks = NetworksService(store: store, logger: logger)
    let compute = ComputeService(
      store: store, placement: placement, networks: networks, images: images, cloudTag: settings.tag,
      consoleQuery: { node, server, bytesMax in
        try await links.value?.query(node: node, .consoleLog(serverID: server, bytesMax: bytesMax))
      }, logger: logger)
    networks.follow(with: compute)
    let explain = ExplainService(
      store: store, tellers: [compute, networks, images], identity: identity, access: identity,
      cloudTag: settings.tag,
      pathQuery: { node, port in try await links.value?.query(node: node, .packetPath(portID: port)) },
      auditFile: observing.auditFile, metrics: observing.registry, facts: observing.facts, tracer: observing.tracer,
      logger: logger)
    let link = NodeLinkServer(
      store: store, cloudID: settings.cloudID, blobs: ImageBlobs(images: images),
      observers: [placement, networks, compute, explain], place: place, logger: logger)
    links.set(link)
    observing.registry.add(link.meter)
    observing.registry.add(identity.meter)
    let readiness = Readiness(store: store, link: observing.linkIsOpen)
    let others = [identity.api, images.api, placement.api, networks.api, compute.api]
    gateway = Gateway(
      services: others + [explain.api(describing: others)], tokens: identity,
      observer: observing.observer(keeper: explain), probes: Probes(obstacles: { await readiness.obstacles() }),
      limits: settings.edge?.limits ?? EdgeLimits(), logger: logger)
    self.store = store
    self.identity = identity
    self.images = images
    self.placement = placement
    self.networks = networks
    self.compute = compute
    self.explain = explain
    self.link = link
    self.readiness = readiness
  }

  var convergers: [any Converger] {
    identity.convergers + images.convergers + networks.convergers + compute.convergers
      + [ChangeCompaction(store: store, keeping: ControlProcess.changesKept)]
  }

  /// Makes what a cloud begins with, where it is not there: users, catalogue, flavors, the external network. Throws
  /// `CloudProblem` for a store without users and no logins to make them with.
  func bootstrap(state: StateDirectory, settings: CloudSettings) async throws {
    let hasUsers = try await identity.hasUsers()
    guard let data = FileManager.default.contents(atPath: state.bootstrap) else {
      if hasUsers { return }
      throw CloudProblem(
        "The store in \(state.control) is new and has no users yet. Start the cloud by its own command, which brings "
          + "the logins of clouds.yaml along: haneul up --state-dir \(state.path)")
    }
    var passwords = try JSONDecoder().decode(BootstrapPasswords.self, from: data)
    if passwords.reset || !hasUsers {
      // A crash in the middle is gone through again from the start, users or not.
      passwords.reset = true
      try StateDirectory.replace(state.bootstrap, with: try JSONEncoder().encode(passwords), mode: 0o600)
      let made = try await identity.bootstrap(
        adminPassword: Secret(passwords.admin), demoPassword: Secret(passwords.member))
      try await compute.bootstrap()
      if let external = CIDR(settings.externalCIDR) {
        _ = try await networks.bootstrapExternal(cidr: external, projectID: made.adminProjectID)
      }
    }
    try FileManager.default.removeItem(atPath: state.bootstrap)
  }
}

/// Keeps the change feed's table bounded.
struct ChangeCompaction: Converger {
  let store: any Store
  let keeping: Int

  var name: String { "store.changes" }
  var interval: Duration { .seconds(600) }
  var followsChanges: Bool { false }

  func step() async throws { try await store.compactChanges(keeping: keeping) }
}
