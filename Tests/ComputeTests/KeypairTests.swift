import Foundation
import Kit
import Testing

@testable import Compute

/// Keypairs: made, brought along, shown, and whose they are.
struct KeypairTests {
  private static let known =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl me@home"

  @Test func madeOnesWorkWithOpenSSH() async throws {
    let cloud = try await Fixture()
    let made = await cloud.send("POST", "/v2.1/os-keypairs", #"{"keypair": {"name": "k"}}"#, version: "2.2")
    #expect(made.status == 201)
    let key = try #require(made.json["keypair"])
    let text = try #require(key["private_key"]?.string)
    #expect(text.hasPrefix("-----BEGIN OPENSSH PRIVATE KEY-----\n"))
    // OpenSSH itself reads it, and finds the same public key in it.
    let path = cloud.directory + "/key"
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/ssh-keygen")
    process.arguments = ["-y", "-f", path]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    process.waitUntilExit()
    let seen = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    let words = try #require(key["public_key"]?.string).split(separator: " ")
    #expect(seen.split(separator: " ").prefix(2).elementsEqual(words.prefix(2)))
    // The private half is kept nowhere.
    let shown = await cloud.get("/v2.1/os-keypairs/k", version: "2.2")["keypair"]
    #expect(shown?["private_key"] == nil)
    #expect(shown?["fingerprint"] == key["fingerprint"])
  }

  @Test func broughtOnes() async throws {
    let cloud = try await Fixture()
    func bring(_ key: String, _ name: String = "k") async -> Int {
      let body = JSONValue.object(["keypair": .object(["name": .string(name), "public_key": .string(key)])])
      return await cloud.send("POST", "/v2.1/os-keypairs", body.text, version: "2.92").status
    }
    #expect(await bring(Self.known + "\n") == 201)
    #expect(await bring(Self.known) == 409)
    let shown = await cloud.get("/v2.1/os-keypairs/k")["keypair"]
    #expect(shown?["public_key"]?.string == Self.known)
    #expect(shown?["fingerprint"]?.string?.split(separator: ":").count == 16)
    for bad in [
      "", "ssh-rsa", "ssh-rsa nonsense", "ssh-rsa QUJD x", Self.known.replacing("ssh-ed25519 ", with: "ssh-rsa "),
      Self.known + "\nssh-rsa AAAA", "command=\"x\" " + Self.known,
    ] {
      #expect(await bring(bad, "other") == 400, "\(bad)")
    }
    for name in ["", " x", "a/b", "a\nb", String(repeating: "x", count: 256)] {
      #expect(await bring(Self.known, name) == 400, "\(name)")
    }
    #expect(await bring(Self.known, "me@home.example") == 201)
    let x509 = #"{"keypair": {"name": "x", "type": "x509"}}"#
    #expect(await cloud.send("POST", "/v2.1/os-keypairs", x509, version: "2.2").status == 400)
  }

  @Test func everyUserHasItsOwn() async throws {
    let cloud = try await Fixture()
    for user in ["alice", "bob"] {
      let made = await cloud.send("POST", "/v2.1/os-keypairs", #"{"keypair": {"name": "k"}}"#, as: user)
      #expect(made.status == 200)
    }
    #expect(await cloud.get("/v2.1/os-keypairs")["keypairs"]?.array?.count == 1)
    let theirs = await cloud.get("/v2.1/os-keypairs?user_id=user-bob", as: "admin", version: "2.10")["keypairs"]
    #expect(theirs?.array?.count == 1)
    #expect(await cloud.send("DELETE", "/v2.1/os-keypairs/k?user_id=user-bob", version: "2.10").status == 403)
    #expect(await cloud.send("DELETE", "/v2.1/os-keypairs/k").status == 202)
    #expect(await cloud.send("GET", "/v2.1/os-keypairs/k").status == 404)
    #expect(await cloud.send("DELETE", "/v2.1/os-keypairs/k").status == 404)
    #expect(await cloud.send("GET", "/v2.1/os-keypairs/k", as: "bob").status == 200)
    #expect(await cloud.send("GET", "/v2.1/os-keypairs", as: nil).status == 401)
  }

  @Test func pagesAndQuota() async throws {
    let cloud = try await Fixture()
    _ = await cloud.send("PUT", "/v2.1/os-quota-sets/alice", #"{"quota_set": {"key_pairs": 3}}"#, as: "admin")
    for name in ["c", "a", "b"] {
      _ = await cloud.send("POST", "/v2.1/os-keypairs", #"{"keypair": {"name": "\#(name)"}}"#)
    }
    #expect(await cloud.send("POST", "/v2.1/os-keypairs", #"{"keypair": {"name": "d"}}"#).status == 403)
    let page = await cloud.get("/v2.1/os-keypairs?limit=2", version: "2.35")
    #expect(page["keypairs"]?.array?.compactMap { $0["keypair"]?["name"]?.string } == ["a", "b"])
    let rest = await cloud.get("/v2.1/os-keypairs?limit=2&marker=b", version: "2.35")
    #expect(rest["keypairs"]?.array?.count == 1)
    #expect(rest["keypairs_links"] == nil)
  }
}
