import Auth
import Foundation
import Identity
import Kit
import Testing

/// Tokens for OAuth 2.0 clients: an application credential is the client.
struct OAuth2TokenTests {
  private static let path = "/v3/OS-OAUTH2/token"
  private static let secret = "s p&c=r%t"

  private static func credential(_ cloud: Fixture) async throws -> String {
    try await cloud.make(
      "/v3/users/\(cloud.ids.demoUserID)/application_credentials",
      #"{"application_credential": {"name": "n", "secret": "\#(secret)"}}"#, token: try await cloud.demo())
  }

  private static func encoded(_ text: String) -> String {
    text.utf8.map { "%" + String(UInt16($0) | 0x100, radix: 16, uppercase: true).dropFirst() }.joined()
  }

  private static func ask(
    _ cloud: Fixture, _ form: String, basic: String? = nil, type: String = "application/x-www-form-urlencoded"
  ) async -> Answer {
    var headers = [("Content-Type", type)]
    if let basic { headers.append(("Authorization", "Basic " + Data(basic.utf8).base64EncodedString())) }
    return await cloud.send("POST", path, form, headers: headers)
  }

  @Test func tokens() async throws {
    let cloud = try await Fixture()
    let id = try await Self.credential(cloud)
    let form = "grant_type=client_credentials"
    let byHeader = await Self.ask(cloud, form, basic: "\(id):\(Self.secret)")
    #expect(byHeader.status == 200)
    #expect(byHeader.headers["Cache-Control"] == "no-store")
    #expect(byHeader.json["token_type"]?.string == "Bearer")
    #expect(byHeader.json["expires_in"]?.int == 3600)
    let byForm = await Self.ask(cloud, form + "&client_id=\(id)&client_secret=\(Self.encoded(Self.secret))")
    for answer in [byHeader, byForm] {
      let token = try #require(answer.json["access_token"]?.string)
      let principal = try #require(try await cloud.identity.principal(token: Secret(token)))
      #expect(principal.applicationCredential?.id == id)
      #expect(principal.projectID == cloud.ids.demoProjectID)
      #expect(principal.isDelegated)
    }
  }

  @Test func refusals() async throws {
    let cloud = try await Fixture()
    let id = try await Self.credential(cloud)
    let good = "\(id):\(Self.secret)"
    let form = "grant_type=client_credentials"
    for (form, type, error) in [
      ("", "application/x-www-form-urlencoded", "invalid_request"), (form, "application/json", "invalid_request"),
      ("grant_type", "application/x-www-form-urlencoded", "invalid_request"),
      ("%ff=%ff&=&&grant%ZZtype=x", "application/x-www-form-urlencoded", "invalid_request"),
      ("grant_type=password", "application/x-www-form-urlencoded", "unsupported_grant_type"),
    ] {
      let answer = await Self.ask(cloud, form, basic: good, type: type)
      #expect(answer.status == 400)
      #expect(answer.json["error"]?.string == error, "\(form)")
      #expect(answer.json["error_description"]?.string != nil)
    }
    for (form, basic) in [
      (form, nil), (form, "\(id):wrong"), (form, "none:\(Self.secret)"), (form, "\(id)"), (form, ":"),
      (form + "&client_id=\(id)", nil), (form + "&client_secret=x", nil),
      // The header is what counts.
      (form + "&client_id=\(id)&client_secret=\(Self.encoded(Self.secret))", "\(id):wrong"),
      (form, String(repeating: "x", count: 65) + ":secret"),
    ] as [(String, String?)] {
      let answer = await Self.ask(cloud, form, basic: basic)
      #expect(answer.status == 401, "\(form) \(basic ?? "")")
      #expect(answer.json["error"]?.string == "invalid_client")
      #expect(answer.headers["WWW-Authenticate"]?.hasPrefix("Keystone uri=") == true)
      #expect(answer.json["access_token"] == nil)
    }
    let long = await Self.ask(cloud, form + "&x=" + String(repeating: "x", count: 20_000), basic: good)
    #expect(long.status == 413)
    #expect(await cloud.send("GET", Self.path).isFault(405))
  }
}
