import Auth

/// Who may do what in identity: the groups that Keystone's present default policies consist of.
///
/// Where a policy of Keystone's has no use for a domain's token (its scopes are system and project), nothing here lets
/// one in, not even with the role `admin`; so the groups that know of domains are others than those that do not.
enum IdentityPolicy {
  // MARK: Policies of the cloud: tokens of the system and of projects

  static let admin = [cloudAdmin]
  static let adminOrSystemReader = [cloudAdmin, systemReader]
  static let adminOrOwner = [cloudAdmin, cloudOwner(nil)]
  static let adminOrSystemReaderOrOwner = [cloudAdmin, systemReader, cloudOwner(nil)]
  /// EC2 credentials.
  static let adminOrMemberWhoIsOwner = [cloudAdmin, cloudOwner("member")]
  /// Access rules: the reader of the system, but no administrator of a project.
  static let systemReaderOrOwner = [systemReader, cloudOwner(nil)]
  static let systemAdminOrOwner = [PolicyClause("admin", .system), cloudOwner(nil)]
  static let adminOrService = [cloudAdmin, PolicyClause("service", .everywhere)]
  /// Trusts and application credentials: nobody makes them for another.
  static let owner = [cloudOwner(nil)]

  // MARK: Policies of domains: tokens of any scope

  static let adminOfAnyScope = [anyAdmin]
  static let adminOrSystemReaderOrDomainReader = [anyAdmin, systemReader, domainReader]
  static let adminOrDomainManager = [anyAdmin, domainManager]
  static let adminOrSystemReaderOrDomainReaderOrOwner = [anyAdmin, systemReader, domainReader, ownerOfAnyScope]
  /// A project and its tags: also who has a token of that very project.
  static let adminOrSystemReaderOrDomainReaderOrProject = [
    anyAdmin, systemReader, domainReader, PolicyClause(nil, .project),
  ]
  /// A domain: who has a token of it, or (told by `PolicyTarget.projectID`) of a project in it.
  static let adminOrSystemReaderOrDomainOrProject = [
    anyAdmin, systemReader, PolicyClause(nil, .domain), PolicyClause(nil, .project),
  ]
  /// Credentials.
  static let adminOrSystemReaderOrOwnerOfAnyScope = [anyAdmin, systemReader, ownerOfAnyScope]
  static let adminOrOwnerOfAnyScope = [anyAdmin, ownerOfAnyScope]
  /// Looking at a token: its own user, too. `PolicyTarget.userIDs` is the token's user.
  static let adminOrSystemReaderOrServiceOrOwnerOfAnyScope = [
    anyAdmin, systemReader, PolicyClause("service", .everywhere), ownerOfAnyScope,
  ]
  /// EC2 and S3 signatures.
  static let adminOrServiceOfAnyScope = [anyAdmin, PolicyClause("service", .everywhere)]

  // MARK: Roles and grants

  /// Roles that the manager of a domain may give and take.
  static let managedRoles: Set<String> = ["manager", "member", "reader"]

  /// A role of the cloud: managers see those that they may give.
  static let getRole = [anyAdmin, systemReader, PolicyClause("manager", .everywhere, targetRoles: managedRoles)]
  static let listRoles = [anyAdmin, systemReader, PolicyClause("manager", .domain)]
  /// Giving and taking a role. The target's domains are the actor's and the project's (or the domain itself).
  static let changeGrant = [anyAdmin, PolicyClause("manager", .domain, targetRoles: managedRoles)]

  /// Fits nothing, not even what is the caller's own (it is for giving roles of no name); lets every token in as far as
  /// the handler. For resources of which Keystone says 404 to everybody before it looks at rights.
  static let untilFound = [PolicyClause(nil, .own, targetRoles: [])]

  // MARK: Clauses

  /// No administrator of a domain is one.
  private static let cloudAdmin = PolicyClause("admin", .everywhere, exceptDomains: true)
  private static let anyAdmin = PolicyClause("admin", .everywhere)
  private static let systemReader = PolicyClause("reader", .system)
  private static let domainReader = PolicyClause("reader", .domain)
  private static let domainManager = PolicyClause("manager", .domain)
  private static let ownerOfAnyScope = PolicyClause(nil, .own)

  private static func cloudOwner(_ role: String?) -> PolicyClause {
    PolicyClause(role, .own, exceptDomains: true)
  }
}

extension Permission {
  /// Keystone's policy `identity:<name>`.
  static func identity(_ name: String, _ clauses: [PolicyClause]) -> Permission {
    Permission("identity:" + name, .any(clauses))
  }
}
