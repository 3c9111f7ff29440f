import API
import Auth
import Kit

/// A token that is exchanged for another: mostly for one of another scope.
struct TokenLogin: LoginMethod {
  static let name = "token"
  static let shape = JSONShape.object([.needed("id", .text(1...4096))], others: .ignored)

  private let token: Secret<String>

  init(_ fields: JSONFields) throws { token = Secret(try fields.string("id", 1...4096)) }

  func recognise(_ rules: LoginRules, _ call: Call) async throws -> Recognised {
    // Keystone says so of a token that is none any more; a client that gets 401 asks for another password.
    guard let verified = try await rules.core.verify(token) else { throw Fault.notFound("Could not find the token.") }
    guard TokenRules.mayRescope(verified.payload) else {
      throw Fault.forbidden("A delegated token cannot be exchanged for another.")
    }
    let parent = verified.payload
    var recognised = Recognised(userID: parent.userID, methods: parent.methods.union(.token))
    recognised.parent = parent
    recognised.federation = parent.federation
    recognised.expiresAt = parent.expiresAt
    return recognised
  }
}
