import API
import Auth
import Kit
import Store

/// An access token of OAuth 1.0a: the request itself is signed with it. It stands alone and brings its own scope,
/// whatever the request asks for.
struct OAuth1Login: LoginMethod {
  static let name = "oauth1"
  static let shape = JSONShape.object([], others: .ignored)

  init(_ fields: JSONFields) throws {}

  func recognise(_ rules: LoginRules, _ call: Call) async throws -> Recognised {
    let token = try await OAuthRules(core: rules.core).login(try OAuthRequest(call))
    var recognised = Recognised(userID: token.userID, methods: .oauth1)
    recognised.accessTokenID = token.id
    recognised.scope = .project(.id(token.projectID))
    recognised.expiresAt = token.expiresAt
    return recognised
  }
}
