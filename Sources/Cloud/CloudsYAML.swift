import Foundation
import Kit
import Yams

/// `clouds.yaml`: how OpenStack's clients reach this cloud. `haneul-admin` is its administrator, `haneul` a plain
/// member of project `demo`.
struct CloudsYAML {
  static let adminCloud = "haneul-admin"
  static let memberCloud = "haneul"

  var adminPassword: Secret<String>
  var memberPassword: Secret<String>

  private struct File: Codable {
    var clouds: [String: Entry]
  }
  private struct Entry: Codable {
    var auth: Login
    var region_name: String
    var identity_api_version: String
    var interface: String
    /// What vouches for the API: the built-in authority's certificate.
    var cacert: String?
  }
  private struct Login: Codable {
    var auth_url: String
    var username: String
    var password: String
    var project_name: String
    var user_domain_name: String
    var project_domain_name: String
  }

  /// With fresh passwords.
  init() {
    adminPassword = Secret(Self.password())
    memberPassword = Secret(Self.password())
  }

  /// Reads the passwords of a file that is there; nil where there is none or it is not ours any more.
  init?(reading path: String) {
    guard let data = FileManager.default.contents(atPath: path),
      let file = try? YAMLDecoder().decode(File.self, from: data),
      let admin = file.clouds[Self.adminCloud], let member = file.clouds[Self.memberCloud]
    else { return nil }
    adminPassword = Secret(admin.auth.password)
    memberPassword = Secret(member.auth.password)
  }

  /// Writes the file, readable by root alone.
  func write(_ path: String, settings: CloudSettings, authority: String) throws {
    func entry(_ user: String, _ project: String, _ password: Secret<String>) -> Entry {
      Entry(
        auth: Login(
          auth_url: settings.baseURL + "/identity/v3", username: user, password: password.reveal(),
          project_name: project, user_domain_name: "Default", project_domain_name: "Default"),
        region_name: "RegionOne", identity_api_version: "3", interface: "public",
        cacert: settings.edge?.tls == .authority ? authority : nil)
    }
    let file = File(clouds: [
      Self.adminCloud: entry("admin", "admin", adminPassword),
      Self.memberCloud: entry("demo", "demo", memberPassword),
    ])
    let encoder = YAMLEncoder()
    encoder.options.sortKeys = true
    try StateDirectory.replace(path, with: Data(try encoder.encode(file).utf8), mode: 0o600)
  }

  /// 24 characters from an alphabet that needs no quoting anywhere.
  private static func password() -> String {
    let alphabet = Array("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789")
    var random = SystemRandomNumberGenerator()
    return String((0..<24).map { _ in alphabet[Int.random(in: alphabet.indices, using: &random)] })
  }
}

/// The first users' passwords on their way from `haneul up` (root) to control (unprivileged), in a file that control
/// removes once it has used it.
struct BootstrapPasswords: Codable {
  var admin: String
  var member: String
  /// Whether users that are there get these passwords: clouds.yaml was lost, and is new. Otherwise they are for a store
  /// that has no users only.
  var reset: Bool

  init(_ logins: CloudsYAML, reset: Bool) {
    admin = logins.adminPassword.reveal()
    member = logins.memberPassword.reveal()
    self.reset = reset
  }
}
