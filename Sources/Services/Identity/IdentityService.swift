public import API
public import Auth
public import Contracts
public import Converge
public import Kit
public import Logging
public import Store

/// Identity v3: who there is, what they may do, and the tokens that say so.
public struct IdentityService: Sendable {
  /// The schema; runs before anything else of the service.
  public static let migrations: [Migration] = IdentitySchema.migrations

  let core: IdentityCore

  /// Opens the key directory `keysDirectory`, or makes it (0700). `baseURL` is the cloud's public base,
  /// `http://127.0.0.1:9090`; the catalogue's URLs begin with it. Throws where the keys cannot be used.
  public init(
    store: any Store, keysDirectory: String, baseURL: String, settings: IdentitySettings = IdentitySettings(),
    hasher: PasswordHasher = PasswordHasher(), logger: Logger, now: @escaping @Sendable () -> Timestamp = Timestamp.now
  ) throws {
    core = IdentityCore(
      store: store, keys: try KeyRepository(directory: keysDirectory, keysMax: settings.keysMax), hasher: hasher,
      settings: settings, baseURL: baseURL.hasSuffix("/") ? String(baseURL.dropLast()) : baseURL, now: now,
      logger: logger)
  }

  /// The routes below `/identity`.
  public var api: ServiceAPI {
    let routes: [[Route]] = [
      DiscoveryRoutes.routes, TokenRoutes(core: core).routes, AuthScopeRoutes(core: core).routes,
      DomainRoutes(core: core).routes, ProjectRoutes(core: core).routes, ProjectTagRoutes(core: core).routes,
      UserRoutes(core: core).routes, GroupRoutes(core: core).routes, RoleRoutes(core: core).routes,
      RoleInferenceRoutes(core: core).routes, GrantRoutes(core: core).routes,
      RoleAssignmentRoutes(core: core).routes, ApplicationCredentialRoutes(core: core).routes,
      RegionRoutes(core: core).routes, ServiceRoutes(core: core).routes, EndpointRoutes(core: core).routes,
    ]
    return ServiceAPI(prefix: "identity", faultStyle: .keystone, routes: routes.flatMap { $0 })
  }

  /// Key rotation, and the forgetting of expired revocations.
  public var convergers: [any Converger] { [KeyRotation(core: core), RevocationCleanup(core: core)] }

  /// What the cache of verified tokens counts.
  public var meter: any MetricsSource { core.cache }

  /// Makes the staged key primary at once, as the daily rotation does; nobody is logged out.
  /// Throws where the key directory cannot be written.
  public func rotateKeys() throws { try core.keys.rotate() }

  /// Whether there is any user at all: a new store has none.
  public func hasUsers() async throws -> Bool {
    try await core.store.read { try !UserTable.list($0, [], Chunk(count: 1)).isEmpty }
  }

  /// Makes what a cloud needs to be logged in to, where it is not there yet; see `BootstrapResult`.
  /// Users that are there get the passwords, and their tokens die: it is how an operator who lost them gets back in.
  /// Throws `StoreError`, or `AsyncSlots.Full` under overload.
  public func bootstrap(
    adminPassword: Secret<String>, demoPassword: Secret<String>, region: String = "RegionOne"
  ) async throws -> BootstrapResult {
    try await Bootstrap(core: core, region: region).run(admin: adminPassword, demo: demoPassword)
  }
}

extension IdentityService: TokenVerifier {
  public func principal(token: Secret<String>) async throws -> Principal? {
    try await core.verify(token)?.principal
  }
}

extension IdentityService: IdentityContract {
  public func project(_ tx: Transaction, id: String) throws -> ProjectRecord? {
    try ProjectTable.forToken(tx, id, isDomain: false).map {
      ProjectRecord(id: $0.id, name: $0.name, domainID: $0.domainID, enabled: $0.enabled)
    }
  }

  public func names(_ tx: Transaction, users: Set<String>, projects: Set<String>) throws -> IdentityNames {
    IdentityNames(
      users: try UserTable.names(tx, users.sorted()), projects: try ProjectTable.names(tx, projects.sorted()))
  }
}
