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

  /// Opens the key directories `keysDirectory` (of tokens) and `credentialKeysDirectory` (of what is sealed in the
  /// store), or makes them (0700). `baseURL` is the cloud's public base, `http://127.0.0.1:9090`; the catalogue's URLs
  /// begin with it; `holders` are the other services, asked before something is deleted. Throws where the keys cannot
  /// be used.
  public init(
    store: any Store, keysDirectory: String, credentialKeysDirectory: String, baseURL: String,
    settings: IdentitySettings = IdentitySettings(), hasher: PasswordHasher = PasswordHasher(), logger: Logger,
    holders: [any ResourceHolder] = [], now: @escaping @Sendable () -> Timestamp = Timestamp.now
  ) throws {
    core = IdentityCore(
      store: NotingStore(inner: store), keys: try KeyRepository(directory: keysDirectory, keysMax: settings.keysMax),
      credentialKeys: try KeyRepository(directory: credentialKeysDirectory, keysMax: settings.credentialKeysMax),
      hasher: hasher,
      settings: settings, baseURL: baseURL.hasSuffix("/") ? String(baseURL.dropLast()) : baseURL, now: now,
      logger: logger, holders: holders)
  }

  /// The routes below `/identity`.
  public var api: ServiceAPI {
    let routes: [[Route]] = [
      TokenRoutes(core: core).routes, AuthScopeRoutes(core: core).routes,
      DomainRoutes(core: core).routes, DomainConfigRoutes(core: core).routes,
      ProjectRoutes(core: core).routes, ProjectTagRoutes(core: core).routes,
      UserRoutes(core: core).routes, UserPasswordRoutes(core: core).routes, GroupRoutes(core: core).routes,
      RoleRoutes(core: core).routes,
      RoleInferenceRoutes(core: core).routes, GrantRoutes(core: core).routes,
      RoleAssignmentRoutes(core: core).routes, ApplicationCredentialRoutes(core: core).routes,
      RegionRoutes(core: core).routes, ServiceRoutes(core: core).routes, EndpointRoutes(core: core).routes,
      EndpointGroupRoutes(core: core).routes, EndpointFilterRoutes(core: core).routes,
      PolicyRoutes(core: core).routes, PolicyAssociationRoutes(core: core).routes,
      RegisteredLimitRoutes(core: core).routes, LimitRoutes(core: core).routes, RevocationRoutes(core: core).routes,
      IdentityProviderRoutes(core: core).routes, FederationProtocolRoutes(core: core).routes,
      MappingRoutes(core: core).routes, ServiceProviderRoutes(core: core).routes,
      FederationAuthRoutes(core: core).routes,
      AccessRuleRoutes(core: core).routes, CredentialRoutes(core: core).routes,
      EC2CredentialRoutes(core: core).routes, SignedRequestRoutes(core: core).routes, TrustRoutes(core: core).routes,
      ConsumerRoutes(core: core).routes, OAuthRoutes(core: core).routes, AccessTokenRoutes(core: core).routes,
      OAuth2TokenRoutes(core: core).routes,
      DeletedRoutes(core: core).routes, OffboardRoutes(core: core).routes,
    ]
    let others = routes.flatMap { $0 }
    return ServiceAPI(
      prefix: "identity", faultStyle: .keystone, routes: DiscoveryRoutes(others: others).routes + others)
  }

  /// Key rotation, and the forgetting of what has expired.
  public var convergers: [any Converger] {
    [
      KeyRotation(core: core), CredentialKeyRotation(core: core), RevocationCleanup(core: core),
      DeletedCleanup(core: core), DirectoryReading(core: core),
    ]
  }

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
