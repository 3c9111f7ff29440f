public import Kit

/// Who a request speaks for: taken from a verified token and the store, never from the request itself.
public struct Principal: Sendable, Hashable {
  /// What a token is good for.
  public enum Scope: Sendable, Hashable {
    case unscoped
    case project(ProjectScope)
    case domain(id: String, name: String)
    case system
  }

  public struct ProjectScope: Sendable, Hashable {
    public var id: String
    public var name: String
    public var domainID: String
    public var domainName: String
    public init(id: String, name: String, domainID: String, domainName: String) {
      self.id = id
      self.name = name
      self.domainID = domainID
      self.domainName = domainName
    }
  }

  public struct Role: Sendable, Hashable {
    public var id: String
    public var name: String
    public init(id: String, name: String) {
      self.id = id
      self.name = name
    }
  }

  public struct ApplicationCredential: Sendable, Hashable {
    public var id: String
    public var name: String
    public var unrestricted: Bool
    public init(id: String, name: String, unrestricted: Bool) {
      self.id = id
      self.name = name
      self.unrestricted = unrestricted
    }
  }

  public var userID: String
  public var userName: String
  public var userDomainID: String
  public var userDomainName: String
  public var scope: Scope
  /// Effective roles in the scope, implied ones included.
  public var roles: [Role]
  /// How the token was got: `password`, `token`, `application_credential`.
  public var methods: [String]
  /// The token's own audit id first, then the first of its chain.
  public var auditIDs: [String]
  public var issuedAt: Timestamp
  public var expiresAt: Timestamp
  /// Set where the token came from an application credential: a delegated token.
  public var applicationCredential: ApplicationCredential?

  public init(
    userID: String, userName: String, userDomainID: String, userDomainName: String, scope: Scope, roles: [Role],
    methods: [String], auditIDs: [String], issuedAt: Timestamp, expiresAt: Timestamp,
    applicationCredential: ApplicationCredential?
  ) {
    self.userID = userID
    self.userName = userName
    self.userDomainID = userDomainID
    self.userDomainName = userDomainName
    self.scope = scope
    self.roles = roles
    self.methods = methods
    self.auditIDs = auditIDs
    self.issuedAt = issuedAt
    self.expiresAt = expiresAt
    self.applicationCredential = applicationCredential
  }

  /// The project of a project-scoped token.
  public var project: ProjectScope? { if case .project(let project) = scope { project } else { nil } }

  /// The id of the project of a project-scoped token.
  public var projectID: String? { project?.id }

  public func has(role name: String) -> Bool { roles.contains { $0.name == name } }

  /// Whether the token carries the role `admin`: in OpenStack's present policies that is an administrator of the cloud.
  public var isAdmin: Bool { has(role: "admin") }
}

/// Turns a token into who it speaks for; offered by the identity service.
public protocol TokenVerifier: Sendable {
  /// The token's principal; nil where it is not valid at this moment (forged, expired, revoked, its user disabled).
  func principal(token: Secret<String>) async throws -> Principal?
}
