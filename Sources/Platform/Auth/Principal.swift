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
    /// Whether it is a domain that acts as a project.
    public var isDomain = false
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
    /// What it may be used for; nil is everything, an empty list nothing.
    public var accessRules: [AccessRule]?
    public init(id: String, name: String, unrestricted: Bool, accessRules: [AccessRule]? = nil) {
      self.id = id
      self.name = name
      self.unrestricted = unrestricted
      self.accessRules = accessRules
    }
  }

  /// A trust by which one user acts with roles of another.
  public struct Trust: Sendable, Hashable {
    public var id: String
    public var trustorID: String
    public var trusteeID: String
    /// Whether the token's user is the trustor; else it is the trustee.
    public var impersonation: Bool
    public init(id: String, trustorID: String, trusteeID: String, impersonation: Bool) {
      self.id = id
      self.trustorID = trustorID
      self.trusteeID = trusteeID
      self.impersonation = impersonation
    }
  }

  /// An OAuth 1.0a access token by which a consumer acts for a user.
  public struct OAuth1: Sendable, Hashable {
    public var accessTokenID: String
    public var consumerID: String
    public init(accessTokenID: String, consumerID: String) {
      self.accessTokenID = accessTokenID
      self.consumerID = consumerID
    }
  }

  /// Where a user comes from who is known elsewhere.
  public struct Federation: Sendable, Hashable {
    public var identityProviderID: String
    public var protocolID: String
    /// Groups that the mapping put the user into for the life of this token.
    public var groupIDs: [String]
    public init(identityProviderID: String, protocolID: String, groupIDs: [String]) {
      self.identityProviderID = identityProviderID
      self.protocolID = protocolID
      self.groupIDs = groupIDs
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
  /// Set where the token came by a trust: a delegated token.
  public var trust: Trust?
  /// Set where the token came by OAuth 1.0a: a delegated token.
  public var oauth1: OAuth1?
  /// Set where the user logged in at an identity provider.
  public var federation: Federation?
  /// When the user's password ends; nil where it does not end by itself.
  public var passwordExpiresAt: Timestamp?

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

  /// The id of the domain of a domain-scoped token.
  public var domainID: String? { if case .domain(let id, _) = scope { id } else { nil } }

  /// Whether the token is another's gift: it carries at most what was given, and gives nothing on.
  public var isDelegated: Bool {
    applicationCredential != nil || trust != nil || oauth1 != nil || methods.contains("ec2credential")
  }

  /// The id of the project of a project-scoped token.
  public var projectID: String? { project?.id }

  public func has(role name: String) -> Bool { roles.contains { $0.name == name } }

  /// Whether the token makes an administrator of the cloud: with the role `admin`, in OpenStack's present policies, in
  /// the system or any project. A token of a domain never does: those policies have no use for it (their scopes).
  public var isAdmin: Bool { has(role: "admin") && domainID == nil }
}

/// Turns a token into who it speaks for; offered by the identity service.
public protocol TokenVerifier: Sendable {
  /// The token's principal; nil where it is not valid at this moment (forged, expired, revoked, its user disabled).
  func principal(token: Secret<String>) async throws -> Principal?
}
