import Auth
import Kit
import Store
import Testing

@testable import Identity

/// Keystone's personas: each a role (admin, manager, member, reader) in a scope (system, a domain, a project of it).
///
/// Four users, one for each role, made without passwords; their tokens are sealed by the service's own keys, so that no
/// test hashes anything for them. All users, the domain and the project are this fixture's own; the default domain is
/// the other domain.
final class Personas: Sendable {
  enum Scope: String, Sendable, CaseIterable { case system, domain, project }
  enum Level: String, Sendable, CaseIterable { case admin, manager, member, reader }

  /// `domain_manager` and so on, as tempest calls them.
  struct Persona: Sendable, Hashable, CustomStringConvertible {
    let scope: Scope
    let level: Level
    var description: String { "\(scope.rawValue)_\(level.rawValue)" }
  }

  static let all: [Persona] = Scope.allCases.flatMap { scope in
    Level.allCases.map { Persona(scope: scope, level: $0) }
  }

  let cloud: Fixture
  /// The domain that the personas' users and project belong to, and that the domain personas are scoped to.
  let domainID: String
  let projectID: String
  private let users: [Level: String]
  private let tokens: [Persona: String]

  init() async throws {
    let cloud = try await Fixture()
    let domainID = Identifier.hex()
    let projectID = Identifier.hex()
    let users = Dictionary(uniqueKeysWithValues: Level.allCases.map { ($0, Identifier.hex()) })
    try await cloud.store.write { tx in
      try ProjectTable.insert(tx, Self.place(domainID, "personas", in: nil))
      try ProjectTable.insert(tx, Self.place(projectID, "personas", in: domainID))
      for (level, id) in users {
        let user = User(
          id: id, domainID: domainID, name: level.rawValue, enabled: true, defaultProjectID: nil, options: [:],
          extra: [:])
        try UserTable.insert(tx, user, at: .now())
        let role = try tx.first("SELECT id FROM identity_role WHERE name = \(level.rawValue)") { $0.text(0) }
        for target in [Target.system, .domain(domainID), .project(projectID)] {
          try AssignmentTable.insert(tx, .user(id), target, role: try #require(role))
        }
      }
    }
    var tokens: [Persona: String] = [:]
    for persona in Self.all {
      let scope: TokenPayload.Scope =
        switch persona.scope {
        case .system: .system
        case .domain: .domain(id: domainID, generation: 0)
        case .project: .project(id: projectID, generation: 0)
        }
      tokens[persona] = try cloud.seal(user: try #require(users[persona.level]), scope)
    }
    (self.cloud, self.domainID, self.projectID) = (cloud, domainID, projectID)
    (self.users, self.tokens) = (users, tokens)
  }

  private static func place(_ id: String, _ name: String, in domain: String?) -> Project {
    Project(
      id: id, name: name, domainID: domain, parentID: domain, isDomain: domain == nil, enabled: true, description: "",
      options: [:], extra: [:])
  }

  func token(_ persona: Persona) throws -> String { try #require(tokens[persona]) }

  func token(_ scope: Scope, _ level: Level) throws -> String { try token(Persona(scope: scope, level: level)) }

  /// The user behind a persona.
  func userID(_ persona: Persona) throws -> String { try #require(users[persona.level]) }

  /// The status that a persona's request is answered with.
  func status(
    _ persona: Persona, _ method: String, _ path: String, _ body: String? = nil
  ) async throws -> Int {
    await cloud.send(method, path, body, token: try token(persona)).status
  }
}

extension Fixture {
  /// A token of a user's that nobody logged in for, sealed by the service's own keys: valid as long as the store says
  /// that the user may have it.
  func seal(user: String, _ scope: TokenPayload.Scope, generation: Int = 0) throws -> String {
    let now = identity.core.now()
    let payload = TokenPayload(
      methods: .password, userID: user, userGeneration: generation, scope: scope, issuedAt: now,
      expiresAt: now.adding(seconds: 3600), auditID: TokenPayload.newAuditID(), ancestors: [],
      applicationCredentialID: nil)
    return try identity.core.keys.seal(payload.encoded(), at: now)
  }
}
