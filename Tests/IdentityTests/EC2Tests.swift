import API
import Auth
import Kit
import Store
import Testing

@testable import Identity

/// Keys that requests are signed with, and the tokens that services get for signed requests.
struct EC2Tests {
  private struct Scene {
    let cloud: Fixture
    let demo: String
    let service: String
    let key: (access: String, secret: String)

    init() async throws {
      cloud = try await Fixture()
      demo = try await cloud.demo()
      let user = try await cloud.user("swift", roles: ["service"], in: cloud.ids.adminProjectID)
      service = try await cloud.token(of: user, in: cloud.ids.adminProjectID)
      key = try await cloud.ec2Key(of: cloud.ids.demoUserID, token: demo, project: cloud.ids.demoProjectID)
    }

    func ec2(_ body: String) async -> Answer { await cloud.send("POST", "/v3/ec2tokens", body, token: service) }
    func s3(_ body: String) async -> Answer { await cloud.send("POST", "/v3/s3tokens", body, token: service) }
    func version4(at moment: Timestamp) -> String {
      Signers.version4(access: key.access, secret: key.secret, at: moment)
    }
  }

  @Test func aKeyIsMadeShownListedAndDeleted() async throws {
    let scene = try await Scene()
    let path = "/v3/users/\(scene.cloud.ids.demoUserID)/credentials/OS-EC2"
    let listed = await scene.cloud.send("GET", path, token: scene.demo)
    #expect(listed.json["credentials"]?.array?.map { $0["access"]?.string } == [scene.key.access])
    let shown = await scene.cloud.send("GET", "\(path)/\(scene.key.access)", token: scene.demo)
    #expect(shown.json["credential"]?["secret"]?.string == scene.key.secret)
    #expect(shown.json["credential"]?["trust_id"] == .null)
    #expect(await scene.cloud.send("DELETE", "\(path)/\(scene.key.access)", token: scene.demo).status == 204)
    #expect(await scene.cloud.send("GET", "\(path)/\(scene.key.access)", token: scene.demo).isFault(404))
    #expect(await scene.ec2(scene.version4(at: scene.cloud.now)).isFault(404))
  }

  @Test func aSignedRequestGetsATokenOfTheKeysUserAndProject() async throws {
    let scene = try await Scene()
    let now = scene.cloud.now
    let (access, secret) = scene.key
    for (reply, hasToken) in [
      (await scene.ec2(scene.version4(at: now)), true),
      (await scene.ec2(Signers.version2(access: access, secret: secret, at: now)), true),
      // Signed without the port that the service saw.
      (await scene.ec2(Signers.version2(access: access, secret: secret, at: now, signed: "ec2.test")), true),
      (await scene.s3(Signers.s3(access: access, secret: secret, at: now)), false),
      (await scene.s3(Signers.s3Old(access: access, secret: secret)), false),
    ] {
      #expect(reply.status == 200, "\(reply.text)")
      let token = reply.json["token"]
      #expect(token?["user"]?["id"]?.string == scene.cloud.ids.demoUserID)
      #expect(token?["project"]?["id"]?.string == scene.cloud.ids.demoProjectID)
      #expect(token?["methods"]?.array?.compactMap(\.string) == ["ec2credential"])
      #expect(reply.roles == ["member", "reader"])
      #expect(token?["catalog"]?.array?.isEmpty == false)
      #expect((reply.headers["X-Subject-Token"] != nil) == hasToken)
    }
  }

  @Test func aWrongSignatureGetsNothing() async throws {
    let scene = try await Scene()
    let now = scene.cloud.now
    let (access, secret) = scene.key
    let wrong = secret + "x"
    for body in [
      Signers.version4(access: access, secret: wrong, at: now),
      Signers.version2(access: access, secret: wrong, at: now),
      scene.version4(at: now).replacing("DescribeInstances", with: "RunInstances"),
      scene.version4(at: now).replacing("ec2.test:8788", with: "other.test"),
      scene.version4(at: now).replacing("\"verb\": \"GET\"", with: "\"verb\": \"PUT\""),
      Signers.version2(access: access, secret: secret, at: now, signed: "other.test"),
      #"{"credentials": {"access": "\#(access)"}}"#, #"{"credentials": {"access": "\#(access)", "signature": ""}}"#,
      #"{"credentials": {"access": "\#(access)", "signature": "x", "params": {"SignatureVersion": "1"}}}"#, "{}",
    ] {
      #expect(await scene.ec2(body).isFault(401), "\(body)")
    }
    for body in [
      Signers.s3(access: access, secret: wrong, at: now), Signers.s3Old(access: access, secret: wrong),
      Signers.s3(access: access, secret: secret, at: now, service: "ec2"),
      #"{"credentials": {"access": "\#(access)", "token": "AWS4", "signature": "00"}}"#,
    ] {
      #expect(await scene.s3(body).isFault(401), "\(body)")
    }
    let stranger = Signers.version4(access: Identifier.hex(), secret: secret, at: now)
    #expect(await scene.ec2(stranger).isFault(404))
  }

  /// An owner sees its keys whatever its roles are, but makes and deletes them as a member only; a token of a domain is
  /// none for them, not even an administrator's.
  @Test func personasMayDoWithKeysWhatKeystoneSays() async throws {
    let personas = try await Personas()
    for persona in Personas.all {
      let user = try personas.userID(persona)
      let key = EC2Key(access: Identifier.hex(), secret: Secret("s"))
      let credential = Credential(
        id: EC2Key.id(access: key.access), userID: user, projectID: personas.projectID, type: Credential.ec2,
        blob: key.blob, extra: [:])
      let (keys, now) = (personas.cloud.identity.core.credentialKeys, personas.cloud.now)
      try await personas.cloud.store.write { tx in try CredentialTable.insert(tx, keys, credential, at: now) }
      let list = "/v3/users/\(user)/credentials/OS-EC2"
      let sees = persona.scope != .domain
      let changes = sees && persona.level != .reader
      #expect(try await personas.status(persona, "GET", list) == (sees ? 200 : 403), "\(persona)")
      #expect(try await personas.status(persona, "GET", "\(list)/\(key.access)") == (sees ? 200 : 403), "\(persona)")
      let body = #"{"tenant_id": "\#(personas.projectID)"}"#
      #expect(try await personas.status(persona, "POST", list, body) == (changes ? 201 : 403), "\(persona)")
      #expect(
        try await personas.status(persona, "DELETE", "\(list)/\(key.access)") == (changes ? 204 : 403), "\(persona)")
      #expect(try await personas.status(persona, "GET", "\(list)/\(Identifier.hex())") == 404, "\(persona)")
    }
  }

  /// What the user has no longer, its key does not give.
  @Test func aKeyGivesWhatItsUserHasNow() async throws {
    let scene = try await Scene()
    let cloud = scene.cloud
    let token = try await scene.ec2(scene.version4(at: cloud.now)).token
    let path = "/v3/auth/tokens"
    func validated() async -> Int {
      await cloud.send("GET", path, token: scene.service, headers: [("X-Subject-Token", token)]).status
    }
    #expect(await validated() == 200)
    try await cloud.store.write { tx in
      try tx.execute("DELETE FROM identity_role_assignment WHERE user_id = \(cloud.ids.demoUserID)")
    }
    #expect(await validated() == 404)
    #expect(await scene.ec2(scene.version4(at: cloud.now.adding(seconds: 1))).isFault(401))
    #expect(await scene.s3(Signers.s3(access: scene.key.access, secret: scene.key.secret, at: cloud.now)).isFault(401))
  }

  /// Signatures that Keystone's own client (`keystoneclient.contrib.ec2`) made.
  @Test func signaturesOfTheirClientsFit() throws {
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    let members = #""Action": "Describe Instances", "Filter.1.Name": "a*b~c/é""#
    let host = #""Host": "ec2.test:8788", "Content-Type": " text/plain ""#
    let scope = "AK/20240131/RegionOne/ec2/aws4_request"
    let header = #"""
      {\#(host), "X-Amz-Date": "20240131T235959Z", "Authorization":
      "AWS4-HMAC-SHA256 Credential=\#(scope), SignedHeaders=content-type;host;x-amz-date, Signature=x"}
      """#
    let query = #"""
      {\#(members), "X": "=&", "X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-Credential": "\#(scope)",
      "X-Amz-Date": "20240131T235959Z", "X-Amz-SignedHeaders": "host"}
      """#
    let old = #"{\#(members), "SignatureVersion": "2", "Timestamp": "2024-01-31T23:59:59Z"}"#
    for (signature, verb, parameters, headers) in [
      (
        "c0e5f3844581f2a25b60d67c57d975daad7b4342cd2975ddbfe77622030ad7fd", "GET", #"{\#(members), "X": "=&"}"#, header
      ), ("9c360b9a98c4b9912294e9fba748ac64674c7f35c4ff4d12d00fe87b7569df69", "GET", query, "{\(host)}"),
      (
        "e4a7fc64d387f813b12368c859abc5026d8ef487ec2f9729b67a535b1fdef8ba", "POST", #"{\#(members), "X": "=&"}"#, header
      ), ("4SMra9d/2Xrr0JQiui85NvCd/CGxRvtpBaJMpSrJg/0=", "GET", old, "{}"),
    ] {
      let body = #"""
        {"credentials": {"access": "AK", "signature": "\#(signature)", "host": "ec2.test:8788", "verb": "\#(verb)",
        "path": "/services/Cloud", "params": \#(parameters), "headers": \#(headers), "body_hash": "\#(empty)"}}
        """#
      let members = try #require(try JSONValue(parsing: body).object)
      let request = try SignedRequest(JSONFields(members, path: ""))
      #expect(request.signedAt(ec2: Secret("secret key/+")) == Timestamp(iso8601: "2024-01-31T23:59:59Z"), "\(body)")
      #expect(request.signedAt(ec2: Secret("secret key/-")) == nil)
    }
  }

  /// The times that the vectors of Amazon's own documentation are signed with.
  @Test func bothFormsOfATimeAreRead() {
    #expect(SignedRequest.time("20150830T123600Z") == Timestamp(iso8601: "2015-08-30T12:36:00Z"))
    #expect(SignedRequest.time("2015-08-30T12:36:00Z") == Timestamp(iso8601: "2015-08-30T12:36:00Z"))
    #expect(SignedRequest.time("yesterday") == nil)
    #expect(SignedRequest.time("2015083XT12:36:0Z") == nil)
  }
}
