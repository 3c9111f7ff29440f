import Auth
import Foundation
import Kit
import Store
import Testing

@testable import Identity

struct CredentialTests {
  private static func body(_ type: String, _ blob: String, user: String, project: String? = nil) -> String {
    let blob = JSONValue.string(blob).text
    let project = project.map { #", "project_id": "\#($0)""# } ?? ""
    return #"{"credential": {"type": "\#(type)", "blob": \#(blob), "user_id": "\#(user)"\#(project)}}"#
  }

  @Test func aCredentialIsKeptAndComesBack() async throws {
    let cloud = try await Fixture()
    let demo = try await cloud.demo()
    let me = cloud.ids.demoUserID
    let made = await cloud.send("POST", "/v3/credentials", Self.body("totp", "JBSWY3DP", user: me), token: demo)
    #expect(made.status == 201)
    let id = try #require(made.json["credential"]?["id"]?.string)
    for reply in [made, await cloud.send("GET", "/v3/credentials/\(id)", token: demo)] {
      let credential = reply.json["credential"]
      #expect(credential?["blob"]?.string == "JBSWY3DP")
      #expect(credential?["type"]?.string == "totp")
      #expect(credential?["user_id"]?.string == me)
      #expect(credential?["project_id"] == .null)
      #expect(credential?["links"]?["self"]?.string == "http://seen.test/identity/v3/credentials/\(id)")
    }
    let changed = await cloud.send(
      "PATCH", "/v3/credentials/\(id)",
      // As the client says it: with what stays as it is.
      #"{"credential": {"blob": "GEZDGNBV", "type": "totp", "user_id": "\#(me)", "project_id": null}}"#, token: demo)
    #expect(changed.json["credential"]?["blob"]?.string == "GEZDGNBV")
    #expect(await cloud.send("GET", "/v3/credentials?type=totp", token: demo).ids("credentials") == [id])
    #expect(await cloud.send("GET", "/v3/credentials?type=cert", token: demo).ids("credentials") == [])
    #expect(await cloud.send("DELETE", "/v3/credentials/\(id)", token: demo).status == 204)
    // Who may not see everything does not learn that it is gone.
    #expect(await cloud.send("GET", "/v3/credentials/\(id)", token: demo).isFault(403))
    #expect(await cloud.send("GET", "/v3/credentials/\(id)", token: try await cloud.admin()).isFault(404))
  }

  /// Nothing of a blob is in the store, whatever its type.
  @Test func blobsAreSealedInTheStore() async throws {
    let cloud = try await Fixture()
    let demo = try await cloud.demo()
    let secret = "a secret that nobody finds"
    _ = try await cloud.make("/v3/credentials", Self.body("cert", secret, user: cloud.ids.demoUserID), token: demo)
    let key = try await cloud.ec2Key(of: cloud.ids.demoUserID, token: demo, project: cloud.ids.demoProjectID)
    let rows = try await cloud.store.read { tx in
      try tx.query("SELECT c.id, c.sealed, c.sealed_by, c.extra FROM identity_credential c") { row in
        (0..<4).map(row.text).joined(separator: " ")
      }
    }
    #expect(rows.count == 2)
    for row in rows {
      for word in [secret, key.access, key.secret] { #expect(!row.contains(word)) }
      // Nor is it only encoded.
      let decoded = row.split(separator: " ").compactMap { Base64URL.decode(String($0)) }
      for bytes in decoded { #expect(!String(decoding: bytes, as: UTF8.self).contains(secret)) }
    }
  }

  @Test func badInputIsRefused() async throws {
    let cloud = try await Fixture()
    let demo = try await cloud.demo()
    let me = cloud.ids.demoUserID
    let project = cloud.ids.demoProjectID
    for body in [
      #"{"credential": {"type": "cert", "user_id": "\#(me)"}}"#, #"{"credential": {"type": "cert", "blob": "x"}}"#,
      #"{"credential": {"type": 3, "blob": "x", "user_id": "\#(me)"}}"#, "{}",
      Self.body("ec2", #"{"access": "a", "secret": "s"}"#, user: me),
      Self.body("ec2", "no JSON", user: me, project: project), Self.body("EC2", "[]", user: me, project: project),
      Self.body("ec2", #"{"secret": "s"}"#, user: me, project: project),
      Self.body("ec2", #"{"access": null}"#, user: me, project: project),
      Self.body("cert", String(repeating: "x", count: 16_385), user: me),
    ] {
      #expect(await cloud.send("POST", "/v3/credentials", body, token: demo).isFault(400), "\(body.prefix(200))")
    }
    let admin = try await cloud.admin()
    let nobody = Self.body("cert", "x", user: Identifier.hex())
    #expect(await cloud.send("POST", "/v3/credentials", nobody, token: admin).isFault(404))
    let nowhere = Self.body("cert", "x", user: me, project: Identifier.hex())
    #expect(await cloud.send("POST", "/v3/credentials", nowhere, token: demo).isFault(404))
  }

  /// The id of a key is made of its access key: there is one of a kind.
  @Test func anAccessKeyIsUnique() async throws {
    let cloud = try await Fixture()
    let demo = try await cloud.demo()
    let body = Self.body(
      "ec2", #"{"access": "AK", "secret": "s"}"#, user: cloud.ids.demoUserID, project: cloud.ids.demoProjectID)
    let id = try await cloud.make("/v3/credentials", body, token: demo)
    #expect(id == "3c4e58eff203b042713969d15d21e5a80fcc43b7ce3c90517c58641dd98887c2")
    #expect(await cloud.send("POST", "/v3/credentials", body, token: demo).isFault(409))
    let shown = await cloud.send("GET", "/v3/users/\(cloud.ids.demoUserID)/credentials/OS-EC2/AK", token: demo)
    #expect(shown.json["credential"]?["secret"]?.string == "s")
    #expect(shown.json["credential"]?["tenant_id"]?.string == cloud.ids.demoProjectID)
  }

  /// Keys are rotated, everything is sealed anew, and nothing is lost; not even what was deleted for a while.
  @Test func rotationLosesNothing() async throws {
    let cloud = try await Fixture()
    let demo = try await cloud.demo()
    let keys = cloud.identity.core.credentialKeys
    let id = try await cloud.make(
      "/v3/credentials", Self.body("cert", "kept", user: cloud.ids.demoUserID), token: demo)
    let consumer = await cloud.send(
      "POST", "/v3/OS-OAUTH1/consumers", #"{"consumer": {}}"#, token: try await cloud.admin())
    let secret = try #require(consumer.json["consumer"]?["secret"]?.string)
    let rotation = CredentialKeyRotation(core: cloud.identity.core)
    let first = keys.primaryPrint
    for turn in 1...6 {
      cloud.moveClock(seconds: cloud.identity.core.settings.credentialKeyRotationSeconds + 1)
      // The file's own time is the host's.
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSinceNow: -3_000_000)],
        ofItemAtPath: cloud.directory.appending(path: "credential-keys/0").path)
      let before = keys.primaryPrint
      try await rotation.step()
      #expect(keys.primaryPrint != before, "turn \(turn)")
      let prints = try await cloud.store.read { tx in
        try CredentialKeyRotation.tables.flatMap { table in
          try tx.query("SELECT sealed_by FROM \(raw: table)") { $0.text(0) }
        }
      }
      #expect(Set(prints) == [keys.primaryPrint])
    }
    #expect(keys.primaryPrint != first)
    let found = try await cloud.store.read { tx in try CredentialTable.find(tx, keys, id) }
    #expect(found?.blob.reveal() == "kept")
    let stored = try await cloud.store.read { tx in try ConsumerTable.list(tx, keys, [], Chunk(count: 2)) }
    #expect(stored.map { $0.secret.reveal() } == [secret])
    #expect(try keys.numbers.count <= cloud.identity.core.settings.credentialKeysMax)
  }

  /// What no key opens stops the rotation: no key goes while something still needs one.
  @Test func whatCannotBeOpenedStopsTheRotation() async throws {
    let cloud = try await Fixture()
    _ = try await cloud.make(
      "/v3/credentials", Self.body("cert", "x", user: cloud.ids.demoUserID), token: try await cloud.demo())
    try await cloud.store.write { tx in
      try tx.execute("UPDATE identity_credential SET sealed = 'broken', sealed_by = 'other'")
    }
    let numbers = try cloud.identity.core.credentialKeys.numbers
    await #expect(throws: CredentialTable.Sealed.self) {
      try await CredentialKeyRotation(core: cloud.identity.core).step()
    }
    #expect(try cloud.identity.core.credentialKeys.numbers == numbers)
  }
}
