import API
import Auth
import Kit

/// A token's body without its catalogue.
enum TokenBody {
  static func write(_ json: inout JSONWriter, _ principal: Principal) {
    json.field("methods", principal.methods)
    json.field("user") { user(&$0, principal) }
    json.field("audit_ids", principal.auditIDs)
    json.field("expires_at", principal.expiresAt.iso8601Microseconds)
    json.field("issued_at", principal.issuedAt.iso8601Microseconds)
    guard scope(&json, principal) else { return }
    json.field("roles", principal.roles) { json, role in
      json.object {
        $0.field("id", role.id)
        $0.field("name", role.name)
      }
    }
    delegation(&json, principal)
  }

  private static func user(_ json: inout JSONWriter, _ principal: Principal) {
    json.field("id", principal.userID)
    json.field("name", principal.userName)
    json.named("domain", id: principal.userDomainID, principal.userDomainName)
    guard let federation = principal.federation else {
      json.field("password_expires_at", principal.passwordExpiresAt?.iso8601Naive)
      return
    }
    json.field("OS-FEDERATION") {
      $0.field("identity_provider") { $0.field("id", federation.identityProviderID) }
      $0.field("protocol") { $0.field("id", federation.protocolID) }
      $0.field("groups", federation.groupIDs) { json, id in json.object { $0.field("id", id) } }
    }
  }

  /// Whether there is one.
  private static func scope(_ json: inout JSONWriter, _ principal: Principal) -> Bool {
    switch principal.scope {
    case .unscoped:
      trust(&json, principal)
      return false
    case .project(let project):
      json.field("project") {
        $0.field("id", project.id)
        $0.field("name", project.name)
        $0.named("domain", id: project.domainID, project.domainName)
      }
      json.field("is_domain", project.isDomain)
      trust(&json, principal)
    case .domain(let id, let name): json.named("domain", id: id, name)
    case .system: json.field("system") { $0.field("all", true) }
    }
    return true
  }

  private static func trust(_ json: inout JSONWriter, _ principal: Principal) {
    guard let trust = principal.trust else { return }
    json.field("OS-TRUST:trust") {
      $0.field("id", trust.id)
      $0.field("impersonation", trust.impersonation)
      $0.field("trustor_user") { $0.field("id", trust.trustorID) }
      $0.field("trustee_user") { $0.field("id", trust.trusteeID) }
    }
  }

  private static func delegation(_ json: inout JSONWriter, _ principal: Principal) {
    if let oauth1 = principal.oauth1 {
      json.field("OS-OAUTH1") {
        $0.field("access_token_id", oauth1.accessTokenID)
        $0.field("consumer_id", oauth1.consumerID)
      }
    }
    guard let credential = principal.applicationCredential else { return }
    json.field("application_credential") {
      $0.field("id", credential.id)
      $0.field("name", credential.name)
      $0.field("restricted", !credential.unrestricted)
      guard let rules = credential.accessRules else { return }
      $0.field("access_rules", rules) { json, rule in
        json.object {
          $0.field("id", rule.id)
          $0.field("service", rule.service)
          $0.field("method", rule.method)
          $0.field("path", rule.path)
        }
      }
    }
  }
}

/// The body of an answer that asks for more methods.
enum ReceiptBody {
  static func write(_ json: inout JSONWriter, _ facts: ReceiptFacts) {
    json.field("receipt") {
      $0.field("methods", facts.receipt.methods.names)
      $0.field("user") {
        $0.field("id", facts.receipt.userID)
        $0.field("name", facts.userName)
        $0.named("domain", id: facts.domainID, facts.domainName)
      }
      $0.field("expires_at", facts.receipt.expiresAt.iso8601Microseconds)
      $0.field("issued_at", facts.receipt.issuedAt.iso8601Microseconds)
    }
    json.field("required_auth_methods", facts.rules) { json, rule in json.array(rule) { $0.value($1) } }
  }
}
