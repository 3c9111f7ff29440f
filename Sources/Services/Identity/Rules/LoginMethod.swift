import API
import Kit

/// One way in which a caller shows who it is: a member of `auth.identity` in the body of `POST /auth/tokens`.
///
/// Whoever adds one writes a type of its own and names it in `LoginMethods.offered`.
protocol LoginMethod: Sendable {
  /// What the API calls it.
  static var name: String { get }
  /// What its member must look like.
  static var shape: JSONShape { get }
  /// Whom the request says to be, for the audit trail: it need not be true.
  var claim: Reference? { get }
  /// Reads its member. Throws `Fault` 400.
  init(_ fields: JSONFields) throws
  /// Who it is. Throws `Fault` 401, and that after the same work, whatever is wrong.
  func recognise(_ rules: LoginRules, _ call: Call) async throws -> Recognised
}

extension LoginMethod {
  var claim: Reference? { nil }
}

/// The methods there are.
enum LoginMethods {
  /// Those that this cloud offers.
  static let offered: [any LoginMethod.Type] = [
    PasswordLogin.self, TokenLogin.self, ApplicationCredentialLogin.self, TOTPLogin.self, OAuth1Login.self,
  ]

  static func named(_ name: String) -> (any LoginMethod.Type)? { offered.first { $0.name == name } }
}

/// A login that names a method which is not offered: 401 with the ones that are.
struct UnsupportedMethod: Error {
  var name: String
}
