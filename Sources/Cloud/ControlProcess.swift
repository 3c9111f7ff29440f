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

  public init(state: StateDirectory) { self.state = state }

  /// Runs until SIGTERM or SIGINT. Throws `CloudProblem` where it cannot start.
  public func run() async throws {
    umask(0o077)
    let lock = try ProcessLock(state.lock(.control))
    guard let settings = try state.readSettings() else {
      throw CloudProblem("There is no cloud in \(state.path). `haneul up --state-dir \(state.path)` makes one.")
    }
    let logger = ProcessLog.logger("control")
    let services = try await Services(state: state, settings: settings, logger: logger)
    try await services.bootstrap(state: state, settings: settings)
    let link = services.link
    let socket = state.linkSocket
    let listener = HTTPListener(gateway: services.gateway, host: settings.host, port: settings.port, logger: logger)
    let loop = ConvergeLoop(services.convergers, store: services.store, logger: logger)
    let explain = services.explain
    do {
      try await Signals.untilTerminated {
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask { try await link.run(socketPath: socket) }
          group.addTask { try await listener.run() }
          group.addTask { await loop.run() }
          group.addTask { await explain.run() }
          defer { group.cancelAll() }
          try await group.next()
        }
      }
    } catch {
      await explain.flush()
      throw error
    }
    await explain.flush()
    withExtendedLifetime(lock) {}
  }

  /// Every route with its method, microversions and permission, one a line, sorted.
  public static func routeListing() async throws -> [String] {
    let folder = FileManager.default.temporaryDirectory.path() + "/haneul-routes-" + Identifier.uuid()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let state = StateDirectory(folder)
    try state.prepare(controlUser: SystemUser(uid: getuid(), gid: getgid()))
    let settings = try CloudOptions(host: nil, port: nil, externalCIDR: nil, externalMasquerade: nil)
      .settings(existing: nil)
    let services = try await Services(state: state, settings: settings, logger: ProcessLog.logger("routes"))
    return services.gateway.routes.map { service, route in
      let range = [route.since.map { "from \($0)" }, route.until.map { "to \($0)" }].compactMap { $0 }
      let path = "/\(service.prefix)\(route.path == "/" ? "" : route.path)"
      return "\(path) \(route.method.rawValue) \(range.joined(separator: " ")) \(route.permission.name) "
        + "(\(route.permission.rule))"
    }.sorted()
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

  init(state: StateDirectory, settings: CloudSettings, logger: Logger) async throws {
    let store = try await CloudStore.open(state: state, settings: settings)
    try await store.migrate(
      NodeLinkServer.migrations + IdentityService.migrations + ImagesService.migrations + PlacementService.migrations
        + NetworksService.migrations + ComputeService.migrations + ExplainService.migrations)
    let identity = try IdentityService(
      store: store, keysDirectory: state.keys, baseURL: settings.baseURL, logger: logger)
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
      store: store, tellers: [compute, networks, images], identity: identity, cloudTag: settings.tag,
      pathQuery: { node, port in try await links.value?.query(node: node, .packetPath(portID: port)) }, logger: logger)
    let link = NodeLinkServer(
      store: store, cloudID: settings.cloudID, blobs: ImageBlobs(images: images),
      observers: [placement, networks, compute, explain], logger: logger)
    links.set(link)
    gateway = Gateway(
      services: [identity.api, images.api, placement.api, networks.api, compute.api, explain.api], tokens: identity,
      recorder: explain, logger: logger)
    self.store = store
    self.identity = identity
    self.images = images
    self.placement = placement
    self.networks = networks
    self.compute = compute
    self.explain = explain
    self.link = link
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
