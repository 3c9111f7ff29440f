import API
import Auth
import Kit
import Logging
import Store

/// A login at an identity provider, with a token that its issuer signed (OpenID Connect).
struct FederatedLogin: Sendable {
  let core: IdentityCore

  /// What the store says of the way in.
  private struct Entrance: Sendable {
    var provider: IdentityProvider
    var protocolID: String
    var rules: MappingRules
  }

  /// Who it is. Throws `Fault` 404 for an identity provider or protocol that is not there, 403 for one that is
  /// disabled, 401 for a token that is not taken, 503 where its issuer cannot be asked.
  func recognise(idp: String, protocol id: String, token: Secret<String>?) async throws -> Recognised {
    guard let token else { throw LoginRules.refusal }
    let entrance = try await core.store.read { tx in try Self.entrance(tx, idp, id) }
    do {
      let claims = try await verified(token, entrance.provider)
      let assertion = Self.assertion(claims)
      let mapped = try MappingEngine.evaluate(entrance.rules, assertion)
      return try await recognised(mapped, assertion, entrance)
    } catch let refused as JSONWebToken.Refused {
      throw refusal(entrance, "token refused: \(refused.reason)")
    } catch let failure as MappingEngine.Failure {
      throw refusal(entrance, "mapping failed: \(failure.reason)")
    } catch let unreachable as IssuerKeys.Unreachable {
      _ = refusal(entrance, "issuer not reached: \(unreachable.reason)")
      throw Fault(503, "The identity provider cannot be asked for its keys now.", headers: [("Retry-After", "60")])
    }
  }

  private func refusal(_ entrance: Entrance, _ reason: String) -> Fault {
    core.logger.warning(
      "federated login refused",
      metadata: ["idp": "\(entrance.provider.id)", "protocol": "\(entrance.protocolID)", "reason": "\(reason)"])
    return LoginRules.refusal
  }

  private static func entrance(_ tx: Transaction, _ idp: String, _ id: String) throws -> Entrance {
    guard let provider = try IdentityProviderTable.find(tx, idp) else { throw Fault.noSuch("identity provider", idp) }
    guard provider.enabled else { throw Fault.forbidden("The identity provider \(idp.quoted) is disabled.") }
    guard let found = try IdentityProviderTable.find(tx, idp: idp, protocol: id) else {
      throw Fault.noSuch("federated protocol", id)
    }
    guard let mapping = try FederationTable.mapping(tx, found.mappingID) else {
      throw Fault.noSuch("mapping", found.mappingID)
    }
    return Entrance(provider: provider, protocolID: id, rules: try MappingRules(mapping))
  }

  // MARK: The token

  /// The claims of a token that is right in every respect.
  private func verified(_ token: Secret<String>, _ provider: IdentityProvider) async throws -> [String: JSONValue] {
    let token = try JSONWebToken(token)
    let trusted = provider.remoteIDs.map(TrustedIssuer.init).filter { $0.issuer == token.issuer }
    guard let issuer = trusted.first?.issuer else { throw JSONWebToken.Refused(reason: "its issuer is not trusted") }
    let audiences = Set(trusted.map { $0.audience ?? core.baseURL + "/identity/v3" })
    let now = core.now()
    // What can be seen to be wrong asks nobody for keys.
    try token.check(issuer: issuer, audiences: audiences, at: now)
    let keys = try await core.issuerKeys.keys(of: issuer, keyID: token.keyID, now: now)
    guard keys.contains(where: token.isSigned) else { throw JSONWebToken.Refused(reason: "no key of its issuer fits") }
    return token.claims
  }

  /// Claims as attributes, under the names that Keystone's operators know from mod_auth_openidc: `OIDC-email`,
  /// `OIDC_CLAIM_email` and `HTTP_OIDC_EMAIL`. A list has many values, everything else has one.
  static func assertion(_ claims: [String: JSONValue]) -> Assertion {
    var values: [String: [String]] = [:]
    for (name, value) in claims {
      let texts = value.array?.compactMap(text) ?? text(value).map { [$0] } ?? []
      guard !texts.isEmpty else { continue }
      let header = String(name.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" }).uppercased()
      for attribute in ["OIDC-" + name, "OIDC_CLAIM_" + name, "HTTP_OIDC_" + header] { values[attribute] = texts }
    }
    let subject = claims["sub"]?.string
    if let subject { values["REMOTE_USER"] = [subject] }
    return Assertion(values: values, subject: subject)
  }

  private static func text(_ value: JSONValue) -> String? {
    switch value {
    case .null: nil
    case .bool(let flag): flag ? "1" : "0"
    case .string(let text): text
    case .int, .double, .array, .object: value.text
    }
  }

  // MARK: The user

  private func recognised(
    _ mapped: MappedIdentity, _ assertion: Assertion, _ entrance: Entrance
  ) async throws -> Recognised {
    let method: TokenPayload.Methods = entrance.protocolID == "openid" ? .openid : .mapped
    if mapped.isLocal {
      return shown(try await core.store.read { tx in try ShadowUsers.local(tx, mapped) }, method)
    }
    let shadows = ShadowUsers(
      provider: entrance.provider, protocolID: entrance.protocolID, version: entrance.rules.version, now: core.now())
    let settled = try await core.write("user") { tx in
      // It may have been disabled or deleted while the issuer was asked.
      guard try Self.entrance(tx, entrance.provider.id, entrance.protocolID).provider.enabled else {
        throw LoginRules.refusal
      }
      return try shadows.settle(tx, mapped, subject: assertion.subject)
    }
    var recognised = shown(settled.userID, method)
    recognised.federation = .init(
      identityProviderID: entrance.provider.id, protocolID: entrance.protocolID, groupIDs: settled.groupIDs)
    return recognised
  }

  /// Somebody whom the identity provider has shown to be this user. Wrong passwords keep nobody out here: there may be
  /// no password at all.
  private func shown(_ userID: String, _ method: TokenPayload.Methods) -> Recognised {
    let rules = LoginRules(core: core)
    var recognised = Recognised(userID: userID, methods: method)
    recognised.rechecks = [
      { _, fresh, now in guard fresh.enabled, !rules.isInactive(fresh, at: now) else { throw LoginRules.refusal } }
    ]
    recognised.uses = rules.noteActivity(of: userID)
    return recognised
  }
}
