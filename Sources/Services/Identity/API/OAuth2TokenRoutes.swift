import API
import Auth
import Foundation
import Kit
import NIOCore

/// Tokens for OAuth 2.0 clients (OS-OAUTH2): the id and secret of an application credential are the client's, and the
/// grant is `client_credentials`. Refusals are written as OAuth 2.0 writes them.
struct OAuth2TokenRoutes: Sendable {
  let core: IdentityCore

  /// Bytes of a form at the most.
  private static let formBytesMax = 16 * 1024

  var routes: [Route] {
    [
      Route(
        .post, "/v3/OS-OAUTH2/token", Permission("identity:oauth2_token", .open), query: .unread, body: .stream,
        bytesMax: Self.formBytesMax
      ) { call in
        do { return try await issue(call) } catch let refusal as Refusal { return refusal.reply(call) }
      }
    ]
  }

  private struct Refusal: Error {
    let status: Int
    /// OAuth 2.0's word.
    let error: String
    let description: String

    static let client = Refusal(status: 401, error: "invalid_client", description: "The client was not recognised.")

    func reply(_ call: Call) -> Reply {
      let challenge = status == 401 ? [("WWW-Authenticate", "Keystone uri=\"\(call.baseURL)/identity\"")] : []
      return Reply.json(status, headers: challenge) {
        $0.field("error", error)
        $0.field("error_description", description)
      }
    }
  }

  private func issue(_ call: Call) async throws -> Reply {
    let form = try await Self.form(call)
    guard let grant = form["grant_type"] else {
      throw Refusal(status: 400, error: "invalid_request", description: "The parameter grant_type is required.")
    }
    guard grant == "client_credentials" else {
      throw Refusal(
        status: 400, error: "unsupported_grant_type", description: "The grant_type \(grant.quoted) is not supported.")
    }
    // What the header says goes before the form.
    let client = Self.basic(call.header("Authorization")) ?? Self.client(form["client_id"], form["client_secret"])
    guard let client else { throw Refusal.client }
    let issued: LoginRules.Outcome
    do {
      let request = try AuthRequest(Self.login(client))
      issued = try await LoginRules(core: core).issue(request, call, withCatalog: false)
    } catch let fault as Fault where fault.status == 401 || fault.status == 400 {
      throw Refusal.client
    }
    guard case .token(let token) = issued else { throw Refusal.client }
    let who = token.principal
    RequestScope.current?.isAsked(byUser: who.userID, name: who.userName, project: who.projectID)
    return Reply.json(headers: [("Cache-Control", "no-store")]) {
      $0.field("access_token", token.token.reveal())
      $0.field("token_type", "Bearer")
      $0.field("expires_in", Int(who.expiresAt.seconds(since: who.issuedAt)))
    }
  }

  private struct Client {
    let id: String
    let secret: Secret<String>
  }

  private static func client(_ id: String?, _ secret: String?) -> Client? {
    guard let id, let secret, !id.isEmpty, !secret.isEmpty else { return nil }
    return Client(id: id, secret: Secret(secret))
  }

  private static func login(_ client: Client) -> JSONFields {
    let credential: JSONValue = .object(["id": .string(client.id), "secret": .string(client.secret.reveal())])
    let identity: JSONValue = .object([
      "methods": .array([.string(ApplicationCredentialLogin.name)]), ApplicationCredentialLogin.name: credential,
    ])
    return JSONFields(["auth": .object(["identity": identity])], path: "")
  }

  /// What `Authorization: Basic …` says; nil where there is no such header.
  private static func basic(_ header: String?) -> Client? {
    guard let parts = header?.split(separator: " ", maxSplits: 1), parts.count == 2, parts[0].lowercased() == "basic",
      let bytes = Data(base64Encoded: String(parts[1])), let text = String(data: bytes, encoding: .utf8),
      let colon = text.firstIndex(of: ":")
    else { return nil }
    return client(String(text[..<colon]), String(text[text.index(after: colon)...]))
  }

  /// The form's members, the first of each name; empty where the body is no form. Throws `Fault` 413 for a long one.
  private static func form(_ call: Call) async throws -> [String: String] {
    var bytes: [UInt8] = []
    for try await piece in call.stream {
      guard bytes.count + piece.readableBytes <= formBytesMax else {
        throw Fault(413, "The request's body is larger than \(formBytesMax) bytes.")
      }
      bytes.append(contentsOf: piece.readableBytesView)
    }
    guard call.header("Content-Type")?.lowercased().hasPrefix("application/x-www-form-urlencoded") == true else {
      return [:]
    }
    let pairs = String(decoding: bytes, as: UTF8.self).split(separator: "&").compactMap { part -> (String, String)? in
      let halves = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map {
        $0.replacing("+", with: " ").removingPercentEncoding
      }
      guard halves.count == 2, let name = halves[0], let value = halves[1] else { return nil }
      return (name, value)
    }
    return Dictionary(pairs, uniquingKeysWith: { first, _ in first })
  }
}
