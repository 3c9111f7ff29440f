import Kit

/// Somebody else who says who people are.
struct IdentityProvider: Sendable {
  var id: String
  /// Its users' domain.
  var domainID: String
  var enabled: Bool
  var description: String?
  /// Minutes that groups of a mapping outlive the login; nil and 0: no longer than its tokens.
  var authorizationTTL: Int?
  /// Its issuers, each with the audience behind `#`; see `TrustedIssuer`.
  var remoteIDs: [String]
}

/// A way to log in at an identity provider.
struct FederationProtocol: Sendable {
  var id: String
  var idpID: String
  var mappingID: String
  var remoteIDAttribute: String?
}

/// How what an identity provider says of a user becomes a user of ours.
struct FederationMapping: Sendable {
  var id: String
  /// As the operator wrote them.
  var rules: JSONValue
  var schemaVersion: String
}

/// A cloud that trusts this one.
struct ServiceProvider: Sendable {
  var id: String
  var enabled: Bool
  var description: String?
  var authURL: String
  var spURL: String
  var relayStatePrefix: String
}
