import API
import Auth
import Kit
import Store

/// An application credential and its secret. It stands alone and brings its own scope.
struct ApplicationCredentialLogin: LoginMethod {
  enum Name: Sendable {
    case id(String)
    case name(String)
  }

  static let name = "application_credential"
  static let shape = JSONShape.object(
    [
      .needed("secret", .secret), .init("id", .orNull(.text(1...64))), .init("name", .orNull(.text(1...255))),
      .init("user", .loginUser()),
    ], others: .ignored)

  let name: Name
  /// Needed with a name. With an id it must be the credential's own user.
  let user: Reference?
  private let secret: Secret<String>

  var claim: Reference? { user }

  init(_ fields: JSONFields) throws {
    secret = Secret(try fields.string("secret", 0...AuthRequest.secretMax))
    user = try fields.optionalObject("user").map(Reference.init)
    if let id = try fields.optionalString("id", 1...64) {
      name = .id(id)
      return
    }
    guard user != nil else { throw fields.invalid("user", "it is required with a name") }
    name = .name(try fields.string("name", 1...255))
  }

  /// The user is the stored credential's and nobody else's; a user the caller names must be the same.
  func recognise(_ rules: LoginRules, _ call: Call) async throws -> Recognised {
    let core = rules.core
    let stored = try await core.store.read { tx in try find(tx) }
    let right = try await core.hasher.verify(secret, hash: stored?.secretHash)
    guard let stored, right, !stored.isExpired(at: core.now()) else {
      try await core.store.write { tx in try UserTable.countRefusedLogin(tx) }
      throw LoginRules.refusal
    }
    var recognised = Recognised(userID: stored.userID, methods: .applicationCredential)
    recognised.applicationCredentialID = stored.id
    recognised.scope = .project(.id(stored.projectID))
    recognised.expiresAt = stored.expiresAt
    return recognised
  }

  private func find(_ tx: Transaction) throws -> ApplicationCredentialTable.ForLogin? {
    let named = try user.map { try UserTable.id(tx, $0) }
    let found: ApplicationCredentialTable.ForLogin? =
      switch name {
      case .id(let id): try ApplicationCredentialTable.forLogin(tx, id)
      case .name(let name):
        try named.flatMap { $0 }.flatMap { try ApplicationCredentialTable.forLogin(tx, user: $0, name: name) }
      }
    if let named, named != found?.userID { return nil }
    return found
  }
}
