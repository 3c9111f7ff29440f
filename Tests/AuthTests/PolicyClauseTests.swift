import Auth
import Kit
import Testing

/// Clauses look at the token and at the resource's own facts.
struct PolicyClauseTests {
  private static func principal(_ user: String, _ roles: [String], _ scope: Principal.Scope) -> Principal {
    Principal(
      userID: user, userName: user, userDomainID: "d1", userDomainName: "d1", scope: scope,
      roles: roles.map { .init(id: $0, name: $0) }, methods: ["password"], auditIDs: ["a"], issuedAt: .now(),
      expiresAt: .now(), applicationCredential: nil)
  }
  private static let inDomain = Principal.Scope.domain(id: "d1", name: "d1")
  private static let inProject = Principal.Scope.project(.init(id: "p1", name: "p1", domainID: "d1", domainName: "d1"))
  private static let rule = Permission(
    "identity:get_user",
    .any([
      PolicyClause("admin", .everywhere), PolicyClause("reader", .system), PolicyClause("reader", .domain),
      PolicyClause(nil, .own),
    ]))

  @Test func aRoleInADomainReachesWhatBelongsToItAlone() {
    let reader = Self.principal("u1", ["reader"], Self.inDomain)
    #expect(Self.rule.allows(reader))
    #expect(Self.rule.allows(reader, on: PolicyTarget(domainIDs: ["d1"])))
    #expect(Self.rule.allows(reader, on: PolicyTarget(domainIDs: ["d1", "d1"])))
    #expect(!Self.rule.allows(reader, on: PolicyTarget(domainIDs: ["d1", "d2"])))
    #expect(!Self.rule.allows(reader, on: PolicyTarget(domainIDs: ["d2"])))
    #expect(!Self.rule.allows(reader, on: PolicyTarget()))
    // The same role in a project is no domain's.
    #expect(!Self.rule.allows(Self.principal("u1", ["reader"], Self.inProject), on: PolicyTarget(domainIDs: ["d1"])))
  }

  @Test func whatDoesNotExistIsForThoseWhoMayEverywhere() {
    for (scope, roles, may) in [
      (Principal.Scope.system, ["reader"], true), (Self.inProject, ["admin"], true), (Self.inDomain, ["reader"], false),
      (.unscoped, [], false),
    ] {
      #expect(Self.rule.allowsEverywhere(Self.principal("u1", roles, scope)) == may)
    }
    #expect(!Self.rule.allowsEverywhere(nil))
  }

  @Test func ownersReachTheirOwn() {
    let owner = Self.principal("u1", [], .unscoped)
    #expect(Self.rule.allows(owner, on: PolicyTarget(userIDs: ["u1"])))
    #expect(!Self.rule.allows(owner, on: PolicyTarget(userIDs: ["u2"])))
  }

  @Test func someMayGiveCertainRolesOnly() {
    let rule = Permission("identity:create_grant", .any([PolicyClause("manager", .domain, targetRoles: ["member"])]))
    let manager = Self.principal("u1", ["manager"], Self.inDomain)
    #expect(rule.allows(manager, on: PolicyTarget(domainIDs: ["d1"], roleName: "member")))
    #expect(!rule.allows(manager, on: PolicyTarget(domainIDs: ["d1"], roleName: "admin")))
    #expect(!rule.allows(manager, on: PolicyTarget(domainIDs: ["d1"])))
  }
}
