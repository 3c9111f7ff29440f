import Foundation
import Kit
import Logging
import NIOCore
import SwiftASN1
import Testing
import X509

@testable import API

/// The small parts below the listener.
struct EdgePartTests {
  @Test func requestIDsAreDifferentAndValid() {
    let ids = (0..<10_000).map { _ in RequestIDs.next() }
    #expect(Set(ids).count == ids.count)
    #expect(ids.allSatisfy(Identifier.isRequest))
    #expect(ids.allSatisfy { $0.utf8.count == 40 && $0.dropFirst(18).first == "4" })
  }

  @Test func targetsAreTakenApart() {
    let target = RequestTarget("//compute/a%2Fb/%zz/c/?x=1?2")
    #expect(target.path == "//compute/a%2Fb/%zz/c/")
    #expect(target.query == "x=1?2")
    #expect(target.segments == ["compute", "a/b", "%zz", "c"])
    #expect(RequestTarget("/").segments.isEmpty)
    #expect(RequestTarget("/x?").query == "")
  }

  @Test func headersAreFoundInAnyCase() {
    let headers = RequestHeaders([("X-Auth-Token", "a"), ("x-auth-token", "b"), ("Forwarded", "c")])
    #expect(headers.first("X-AUTH-token") == "a")
    #expect(headers.joined(lowered: "x-auth-token") == "a,b")
    #expect(headers.first("X-Auth") == nil)
  }

  @Test func noHeaderCanBeginAnother() {
    var buffer = ByteBuffer()
    var encoder = ReplyEncoder()
    let reply = Reply(status: 201, headers: [("Location", "http://a/\r\nSet-Cookie: x\u{0}")])
    _ = encoder.head(reply, .keepAlive, into: &buffer)
    let text = String(buffer: buffer)
    #expect(text.contains("Location: http://a/  Set-Cookie: x \r\n"))
    #expect(text.hasPrefix("HTTP/1.1 201 Created\r\nDate: "))
    #expect(ReplyEncoder.date(784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT")
  }

  @Test func bucketsFillAgainAndAreBounded() {
    let limiter = RateLimiter(Rate(perSecond: 10, burst: 2))
    let start = NIODeadline.now()
    #expect(limiter.take("a", at: start) == nil)
    #expect(limiter.take("a", at: start) == nil)
    #expect(limiter.take("a", at: start) == 1)
    #expect(limiter.take("b", at: start) == nil)
    #expect(limiter.take("a", at: start + .milliseconds(100)) == nil)
    #expect(limiter.take("a", at: start + .milliseconds(100)) == 1)
    // A flood of names: those that have not used theirs up are forgotten, the others share one.
    for number in 0..<RateLimiter.namesMax * 2 { _ = limiter.take("n\(number)", at: start + .milliseconds(100)) }
    #expect(limiter.take("new", at: start + .milliseconds(101)) == 1)
    #expect(limiter.take("new", at: start + .seconds(60)) == nil)
  }

  @Test func aBudgetIsNeverOverdrawn() async {
    let budget = Budget(100)
    let taken = await withTaskGroup(of: Int.self) { group in
      for _ in 0..<50 { group.addTask { (0..<100).count { _ in budget.take(3) } } }
      return await group.reduce(0, +)
    }
    #expect(taken == 33)
    budget.give(99)
    #expect(budget.inUse == 0)
  }

  @Test func theAuthorityIsMadeOnceAndRenewsInTime() throws {
    let folder = FileManager.default.temporaryDirectory.path() + "/ca-" + Identifier.uuid()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let authority = CertificateAuthority(directory: folder)
    let names = ["127.0.0.1", "::1", "localhost"]
    #expect(try authority.prepare(names: names))
    let first = try String(contentsOfFile: authority.certificate, encoding: .utf8)
    #expect(try !authority.prepare(names: names.reversed()))
    #expect(try authority.prepare(names: names + ["cloud.example"]))
    #expect(try String(contentsOfFile: authority.certificate, encoding: .utf8) == first)
    for key in [authority.key, authority.serverKey] {
      let facts = try FileManager.default.attributesOfItem(atPath: key)
      #expect((facts[.posixPermissions] as? NSNumber)?.intValue == 0o600)
    }
    let server = try Certificate(pemEncoded: String(contentsOfFile: authority.serverCertificate, encoding: .utf8))
    let own = try Certificate(pemEncoded: first)
    #expect(own.publicKey.isValidSignature(server.signature, for: server))
    #expect(try server.extensions.subjectAlternativeNames?.count == 4)
    let later = Timestamp.now().adding(seconds: 61 * 86_400)
    #expect(try authority.prepare(names: names + ["cloud.example"], now: later))
    #expect(try !authority.prepare(names: names + ["cloud.example"], now: later))
  }

  @Test func aNewCertificateTakesThePlaceOfTheOld() throws {
    let folder = FileManager.default.temporaryDirectory.path() + "/ca-" + Identifier.uuid()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let authority = CertificateAuthority(directory: folder)
    let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    let identity = try TLSIdentity(.authority(authority, names: ["localhost"]), logger: logger)
    let before = ObjectIdentifier(identity.context)
    identity.refresh()
    #expect(ObjectIdentifier(identity.context) == before)
    identity.refresh(now: .now().adding(seconds: 80 * 86_400))
    #expect(ObjectIdentifier(identity.context) != before)
    // A file that is no certificate: the good one stays.
    let files = ListenerTLS.files(certificate: authority.serverCertificate, key: authority.serverKey)
    let own = try TLSIdentity(files, logger: logger)
    let good = ObjectIdentifier(own.context)
    try "nonsense".write(toFile: authority.serverCertificate, atomically: true, encoding: .utf8)
    own.refresh()
    #expect(ObjectIdentifier(own.context) == good)
    #expect(throws: TLSProblem.self) { try files.check() }
  }

  @Test func probesAnswerOutsideOfServices() async {
    let gateway = Gateway(
      services: [], tokens: FakeTokens(), probes: Probes(obstacles: { ["the store does not answer"] }),
      logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    func ask(_ method: String, _ path: String) async -> Reply {
      await gateway.respond(
        to: RawRequest(
          method: method, target: path, headers: [], body: BodyStream(bytes: []), baseURL: "http://c",
          remoteAddress: nil))
    }
    #expect(await ask("GET", "/healthz").status == 200)
    let reply = await ask("GET", "/readyz")
    #expect(reply.status == 503)
    if case .bytes(let bytes, _) = reply.body {
      #expect(String(decoding: bytes, as: UTF8.self) == "the store does not answer\n")
    }
    #expect(await ask("POST", "/healthz").status == 405)
    #expect(await ask("GET", "/metrics").status == 404)
  }
}
