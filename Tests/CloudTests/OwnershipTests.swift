import Foundation
import Kit
import Testing

@testable import Cloud

/// Root works in folders of control's user, who may have been taken over: a link planted there gains nothing.
struct OwnershipTests {
  private func folder() throws -> String {
    let path = FileManager.default.temporaryDirectory.path() + "/own-" + Identifier.uuid()
    try FileManager.default.createDirectory(atPath: path + "/control/deep", withIntermediateDirectories: true)
    try FileManager.default.createDirectory(atPath: path + "/outside", withIntermediateDirectories: true)
    for file in ["outside/secret", "control/own", "control/deep/own"] {
      try "-----BEGIN".write(toFile: path + "/" + file, atomically: false, encoding: .utf8)
    }
    for link in ["control/file", "control/deep/file"] { symlink(path + "/outside/secret", path + "/" + link) }
    symlink(path + "/outside", path + "/control/folder")
    return path
  }

  private func owner(_ path: String) throws -> UInt32? {
    (try FileManager.default.attributesOfItem(atPath: path)[.ownerAccountID] as? NSNumber)?.uint32Value
  }

  @Test(.enabled(if: geteuid() == 0)) func whatALinkPointsAtStaysItsOwners() throws {
    let path = try folder()
    defer { try? FileManager.default.removeItem(atPath: path) }
    let nobody = SystemUser(uid: 65534, gid: 65534)
    try Ownership.give(path + "/control", to: nobody)
    for file in ["control", "control/own", "control/deep", "control/deep/own"] {
      #expect(try owner(path + "/" + file) == 65534, "\(file)")
    }
    for file in ["outside", "outside/secret"] { #expect(try owner(path + "/" + file) == 0, "\(file)") }
    #expect(throws: CloudProblem.self) { try Ownership.give(path + "/control/folder", to: nobody) }
  }

  /// `haneul up` gives the folder of certificates to control, each time.
  @Test(.enabled(if: geteuid() == 0)) func startingGivesNothingAway() throws {
    let path = try folder()
    defer { try? FileManager.default.removeItem(atPath: path) }
    let nobody = SystemUser(uid: 65534, gid: 65534)
    let state = StateDirectory(path)
    var settings = CloudSettings(
      cloudID: Identifier.uuid(), epoch: 1, host: "127.0.0.1", port: 1, externalCIDR: "192.0.2.0/24",
      externalMasquerade: false)
    settings.edge = EdgeSettings()
    settings.edge?.tls = .authority
    try state.prepareTLS(settings, controlUser: nobody)
    symlink(path + "/outside/secret", state.tls + "/more")
    try state.prepareTLS(settings, controlUser: nobody)
    #expect(try owner(path + "/outside/secret") == 0)
    #expect(try owner(state.tls + "/ca.key") == 65534)
    try FileManager.default.removeItem(atPath: state.tls)
    symlink(path + "/outside", state.tls)
    #expect(throws: CloudProblem.self) { try state.prepareTLS(settings, controlUser: nobody) }
    #expect(try FileManager.default.contentsOfDirectory(atPath: path + "/outside") == ["secret"])
  }

  @Test func linksAreNotRead() throws {
    let path = try folder()
    defer { try? FileManager.default.removeItem(atPath: path) }
    #expect(Ownership.read(path + "/control/file") == nil)
    #expect(Ownership.read(path + "/control/own") == Data("-----BEGIN".utf8))
    #expect(throws: CloudProblem.self) { try Ownership.refuseLinks([path, path + "/control/folder"]) }
    try Ownership.refuseLinks([path, path + "/control", path + "/none"])
  }
}
