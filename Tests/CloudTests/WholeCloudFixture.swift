import API
import Auth
import Foundation
import Kit
import Logging
import StoreFixture
import Testing

@testable import Cloud

/// Every service of a cloud behind one gateway, in process, with a store and folders of its own. No node is connected.
final class WholeCloudFixture: Sendable {
  let fixture: StateFixture
  let settings: CloudSettings
  let services: Services
  let admin: String
  let member: String

  init(_ engine: StoreEngineKind = StoreFixture.engine) async throws {
    fixture = try StateFixture()
    var options = CloudOptions(host: nil, port: nil, externalCIDR: nil, externalMasquerade: nil)
    if engine == .postgres { options.store = try Self.postgres() }
    settings = try options.settings(existing: nil)
    try fixture.state.writeSettings(settings)
    if let store = options.store {
      try StateDirectory.replace(fixture.state.storeURL, with: Data(store.reveal().utf8), mode: 0o600)
    }
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    services = try await Services(state: fixture.state, settings: settings, logger: logger)
    var logins = CloudsYAML()
    logins.adminPassword = Secret("admin-password")
    logins.memberPassword = Secret("member-password")
    try logins.write(fixture.state.cloudsYAML, settings: settings, authority: "")
    let passwords = BootstrapPasswords(logins, reset: true)
    try JSONEncoder().encode(passwords).write(to: URL(filePath: fixture.state.bootstrap))
    try await services.bootstrap(state: fixture.state, settings: settings)
    admin = try await Self.login(services, "admin", passwords.admin)
    member = try await Self.login(services, "demo", passwords.member)
  }

  /// The URL of an empty schema of this process's PostgreSQL server.
  static func postgres() throws -> Secret<String> {
    let server = try PostgresServer.shared.get()
    let schema = try #require(try server.address().split(separator: "search_path=").last?.dropLast())
    let folder = try #require(server.folder.addingPercentEncoding(withAllowedCharacters: .alphanumerics))
    return Secret("postgres://haneul@/postgres?host=\(folder)&options=-c%20search_path%3D\(schema)")
  }

  /// A token of a user in a project, which has the user's name where nothing is said.
  static func login(
    _ services: Services, _ name: String, _ password: String, project: String? = nil
  ) async throws -> String {
    let body =
      #"{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"\#(name)","domain":{"id":"default"},"#
      + #""password":"\#(password)"}}},"scope":{"project":{"name":"\#(project ?? name)","domain":{"id":"default"}}}}}"#
    let reply = await services.gateway.respond(
      to: RawRequest(
        method: "POST", target: "/identity/v3/auth/tokens", headers: [], body: BodyStream(bytes: Array(body.utf8)),
        baseURL: "http://cloud", remoteAddress: nil))
    return try #require(reply.headers.first { $0.name == "X-Subject-Token" }?.value)
  }

  func send(
    _ method: String, _ target: String, token: String?, type: String = "application/json",
    headers: [(name: String, value: String)] = [], body: String = ""
  ) async -> Reply {
    await services.gateway.respond(
      to: RawRequest(
        method: method, target: target,
        headers: [("Content-Type", type)] + headers + (token.map { [("X-Auth-Token", $0)] } ?? []),
        body: BodyStream(bytes: Array(body.utf8)), baseURL: "http://cloud", remoteAddress: nil))
  }

  /// Every route, with ids that nobody has in its path.
  var everyRoute: [(service: ServiceAPI, route: Route, target: String)] {
    services.gateway.routes.map { service, route in
      let path = route.path.split(separator: "/").map { $0.hasPrefix("{") ? Identifier.uuid() : String($0) }
      return (service, route, "/" + ([service.prefix] + path).joined(separator: "/"))
    }
  }
}

extension Reply {
  var text: String {
    if case .bytes(let bytes, _) = body { String(decoding: bytes, as: UTF8.self) } else { "" }
  }
}
