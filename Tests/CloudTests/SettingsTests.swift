import API
import Foundation
import Identity
import Kit
import Testing

@testable import Cloud

struct SettingsTests {
  private func options(
    host: String? = nil, port: Int? = nil, cidr: String? = nil, masquerade: Bool? = nil
  ) -> CloudOptions {
    CloudOptions(host: host, port: port, externalCIDR: cidr, externalMasquerade: masquerade)
  }

  @Test func aNewCloudHasSaneDefaults() throws {
    let settings = try options().settings(existing: nil)
    #expect(settings.baseURL == "http://127.0.0.1:8700")
    #expect(settings.externalCIDR == "203.0.113.0/24")
    #expect(!settings.externalMasquerade)
    #expect(settings.tag.text.count == 4)
  }

  @Test func whatWasSaidIsKept() throws {
    let first = try options(host: "127.0.0.2", port: 8790, cidr: "203.0.113.0/25").settings(existing: nil)
    let second = try options(masquerade: true).settings(existing: first)
    #expect(second.cloudID == first.cloudID)
    #expect(second.baseURL == "http://127.0.0.2:8790")
    #expect(second.externalMasquerade)
  }

  @Test func theExternalNetworkIsFixed() throws {
    let first = try options().settings(existing: nil)
    #expect(throws: CloudProblem.self) { try options(cidr: "203.0.113.0/25").settings(existing: first) }
    #expect(try options(cidr: "203.0.113.0/24").settings(existing: first) == first)
  }

  @Test func choicesOfIdentityAreKept() throws {
    var options = self.options()
    options.identity.lockoutFailures = 3
    options.identity.passwordPattern = "^.{12,}$"
    let first = try options.settings(existing: nil)
    options = self.options()
    options.identity.passwordHistory = 2
    let second = try options.settings(existing: first)
    let chosen = try #require(second.identity).settings
    #expect(chosen.lockoutFailures == 3)
    #expect(chosen.passwords.uniqueLastCount == 2)
    #expect(chosen.passwords.pattern?.text == "^.{12,}$")
    #expect(chosen.lockoutSeconds == 1800)
    options.identity.passwordPattern = ""
    #expect(try #require(options.settings(existing: second).identity).settings.passwords.pattern == nil)
    // Nothing chosen is nothing kept: a cloud of an earlier release reads as it did.
    #expect(try self.options().settings(existing: nil).identity == nil)
  }

  @Test func choicesHaveBounds() throws {
    let choices: [WritableKeyPath<IdentityChoices, Int?>] = [
      \.lockoutFailures, \.tokenSeconds, \.passwordHistory, \.deletedDays, \.inactiveDays,
    ]
    for choice in choices {
      for value in [-1, 1_000_000] {
        var options = self.options()
        options.identity[keyPath: choice] = value
        #expect(throws: CloudProblem.self) { try options.settings(existing: nil) }
      }
    }
  }

  @Test func whatNobodyCouldFollowIsRefused() throws {
    var options = self.options()
    options.identity.passwordPattern = "("
    #expect(throws: CloudProblem.self) { try options.settings(existing: nil) }
    options.identity.passwordPattern = nil
    options.identity.passwordDays = 7
    options.identity.passwordMinimumDays = 7
    #expect(throws: CloudProblem.self) { try options.settings(existing: nil) }
  }

  @Test(arguments: ["0.0.0.0", "192.0.2.1", "::", "localhost", ""])
  func withoutTLSItStaysOnLoopback(host: String) {
    #expect(throws: CloudProblem.self) { try options(host: host).settings(existing: nil) }
  }

  @Test func withTLSItListensElsewhere() throws {
    var options = self.options(host: "192.0.2.1", port: 8443)
    options.edge.tls = true
    let settings = try options.settings(existing: nil)
    #expect(settings.baseURL == "https://192.0.2.1:8443")
    #expect(settings.certifiedNames.contains("192.0.2.1"))
    options.edge.tls = nil
    #expect(try options.settings(existing: settings) == settings)
    options.edge.tls = false
    #expect(throws: CloudProblem.self) { try options.settings(existing: settings) }
    // Every address is no address for a client.
    options.host = "0.0.0.0"
    options.edge.tls = true
    #expect(throws: CloudProblem.self) { try options.settings(existing: settings) }
    options.edge.publicURL = "https://cloud.example:8443/"
    let open = try options.settings(existing: settings)
    #expect(open.baseURL == "https://cloud.example:8443")
    #expect(open.localURL == "https://127.0.0.1:8443")
    #expect(open.certifiedNames.contains("cloud.example"))
  }

  @Test func whatIsSaidOfTheEdgeIsChecked() throws {
    func refused(_ change: (inout EdgeOptions) -> Void) {
      var options = self.options()
      change(&options.edge)
      #expect(throws: CloudProblem.self) { try options.settings(existing: nil) }
    }
    refused { $0.certificate = "/a" }
    refused { ($0.certificate, $0.key, $0.tls) = ("/a", "/b", true) }
    refused { $0.publicURL = "ftp://x" }
    refused { $0.publicURL = "https://x/path" }
    refused { $0.publicURL = "https://user@x" }
    refused { $0.trustedProxies = ["10.0.0.0/33"] }
    refused { $0.addressRate = -1 }
    var options = self.options()
    options.edge.trustedProxies = ["10.0.0.7", "fd00::/8"]
    options.edge.projectRate = 0
    let settings = try options.settings(existing: nil)
    #expect(settings.edge?.trustedProxies == ["10.0.0.7/32", "fd00::/8"])
    #expect(settings.edge?.limits.projectRate == nil)
    #expect(settings.edge?.limits.addressRate != nil)
    options.edge.trustedProxies = ["none"]
    #expect(try options.settings(existing: settings).edge?.trustedProxies == [])
  }

  @Test(arguments: ["203.0.113.0", "203.0.113.0/30", "fd00::/64", "0.0.0.0/0", "x"])
  func refusesWhatIsNoExternalBlock(cidr: String) {
    #expect(throws: CloudProblem.self) { try options(cidr: cidr).settings(existing: nil) }
  }
}

/// A state directory of its own, removed with the fixture.
final class StateFixture: Sendable {
  let state: StateDirectory

  init() throws {
    state = StateDirectory(FileManager.default.temporaryDirectory.path() + "/haneul-state-\(UUID().uuidString)")
    try state.prepare(controlUser: SystemUser(uid: getuid(), gid: getgid()))
  }

  deinit { try? FileManager.default.removeItem(atPath: state.path) }
}

struct StateDirectoryTests {
  @Test func foldersArePrivate() throws {
    let fixture = try StateFixture()
    func mode(_ path: String) throws -> Int {
      try #require(FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
    }
    #expect(try mode(fixture.state.control) == 0o700)
    #expect(try mode(fixture.state.link) == 0o700)
    #expect(try mode(fixture.state.node) == 0o711)
  }

  @Test func settingsRoundTripAndDamageIsSaid() throws {
    let fixture = try StateFixture()
    #expect(try fixture.state.readSettings() == nil)
    let settings = try CloudOptions(host: nil, port: nil, externalCIDR: nil, externalMasquerade: nil)
      .settings(existing: nil)
    try fixture.state.writeSettings(settings)
    #expect(try fixture.state.readSettings() == settings)
    try Data("{".utf8).write(to: URL(filePath: fixture.state.settings))
    #expect(throws: CloudProblem.self) { try fixture.state.readSettings() }
  }

  @Test func loginsRoundTripAndAreRootsAlone() throws {
    let fixture = try StateFixture()
    let settings = try CloudOptions(host: nil, port: nil, externalCIDR: nil, externalMasquerade: nil)
      .settings(existing: nil)
    let made = CloudsYAML()
    try made.write(fixture.state.cloudsYAML, settings: settings, authority: "")
    let read = try #require(CloudsYAML(reading: fixture.state.cloudsYAML))
    #expect(read.adminPassword.reveal() == made.adminPassword.reveal())
    #expect(read.memberPassword.reveal() == made.memberPassword.reveal())
    let mode = try FileManager.default.attributesOfItem(atPath: fixture.state.cloudsYAML)[.posixPermissions] as? Int
    #expect(mode == 0o600)
    #expect(!"\(made)".contains(made.adminPassword.reveal()))
  }

  @Test func aLockTellsWhoRuns() throws {
    let fixture = try StateFixture()
    let path = fixture.state.lock(.control)
    #expect(ProcessLock.holder(path) == nil)
    let lock = try ProcessLock(path)
    #expect(ProcessLock.holder(path) == getpid())
    #expect(throws: CloudProblem.self) { try ProcessLock(path) }
    withExtendedLifetime(lock) {}
  }
}

struct OverlapTests {
  @Test func refusesAnAddressBlockThatIsTaken() async throws {
    let settings = CloudSettings(
      cloudID: UUID().uuidString.lowercased(), epoch: 1, host: "127.0.0.1", port: 1, externalCIDR: "127.0.0.0/8",
      externalMasquerade: false)
    await #expect(throws: CloudProblem.self) { try await Overlap(settings: settings).refuse(newCloud: true) }
  }
}
