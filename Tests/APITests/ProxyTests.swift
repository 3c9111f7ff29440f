import Kit
import Testing

@testable import API

/// Whose word is taken on where a request comes from.
struct ProxyTests {
  private let trust = ProxyTrust(["10.0.0.0/8", "fd00::/8"].compactMap { CIDR($0) })

  private func origin(_ headers: [(name: String, value: String)]) -> ProxyTrust.Origin {
    trust.origin(RequestHeaders(headers))
  }

  @Test func onlyConfiguredProxiesAreTrusted() {
    #expect(trust.trusts("10.1.2.3"))
    #expect(trust.trusts("fd00::1"))
    #expect(!trust.trusts("192.0.2.1"))
    #expect(!trust.trusts("unknown"))
    #expect(!ProxyTrust().trusts("127.0.0.1"))
  }

  @Test func theClientIsTheLastThatIsNoProxy() {
    #expect(origin([("X-Forwarded-For", "6.6.6.6, 192.0.2.1, 10.0.0.2")]).address == "192.0.2.1")
    #expect(origin([("X-Forwarded-For", "10.0.0.3, 10.0.0.2")]).address == "10.0.0.3")
    #expect(origin([("X-Forwarded-For", "192.0.2.1"), ("X-Forwarded-For", "192.0.2.2")]).address == "192.0.2.2")
    #expect(origin([("X-Forwarded-For", "192.0.2.1, rubbish")]).address == nil)
    #expect(origin([("X-Forwarded-For", "[2001:db8::1]:1234")]).address == "2001:db8::1")
    #expect(origin([]).address == nil)
  }

  @Test func schemeHostAndPort() {
    let origin = origin([
      ("X-Forwarded-For", "192.0.2.1"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "cloud.example"),
      ("X-Forwarded-Port", "8443"),
    ])
    #expect(origin == .init(address: "192.0.2.1", scheme: "https", host: "cloud.example:8443"))
    #expect(self.origin([("X-Forwarded-Host", "a:1"), ("X-Forwarded-Port", "2")]).host == "a:1")
    #expect(self.origin([("X-Forwarded-Proto", "javascript")]).scheme == nil)
    #expect(self.origin([("X-Forwarded-Host", "evil/..\"")]).host == nil)
    // The client's own element, not what it pretends to have been sent through.
    #expect(
      self.origin([("X-Forwarded-For", "6.6.6.6, 192.0.2.1"), ("X-Forwarded-Proto", "https, http")]).scheme == "http")
  }

  @Test func forwardedIsReadWhereTheProxyWritesNothingElse() {
    let text = "for=6.6.6.6;proto=https, for=\"[2001:db8::7]:4711\";proto=https;host=\"cloud:8443\", for=10.0.0.1"
    let read = origin([("Forwarded", text)])
    #expect(read == .init(address: "2001:db8::7", scheme: "https", host: "cloud:8443"))
    #expect(origin([("Forwarded", "for=_hidden;proto=https")]) == .init(scheme: "https"))
    #expect(origin([("Forwarded", "for=unknown, for=10.0.0.9")]).address == "10.0.0.9")
    #expect(origin([("Forwarded", ";;=,\"")]) == .init())
  }

  /// A proxy that appends to `X-Forwarded-For` hands on whatever `Forwarded` a client made up.
  @Test func aClientCannotSayWhereItIsBesideTheProxy() {
    let forged = [("Forwarded", "for=127.0.0.1;proto=https;host=evil"), ("X-Forwarded-For", "192.0.2.9")]
    #expect(origin(forged) == .init(address: "192.0.2.9"))
    #expect(origin(forged.reversed()).address == "192.0.2.9")
  }

  /// A socket of both versions writes IPv4 addresses as IPv6.
  @Test func mappedAddressesAreThoseTheyStandFor() {
    let client = PeerFacts("::ffff:192.0.2.1", trust)
    #expect(client.address == "192.0.2.1")
    #expect(client.party == "192.0.2.1")
    #expect(client.party != PeerFacts("::ffff:192.0.2.2", trust).party)
    #expect(PeerFacts("::ffff:10.0.0.1", trust).isProxy)
    #expect(PeerFacts("::ffff:127.0.0.1", trust).party == nil)
    #expect(PeerFacts("2001:db8::1", trust).party == "2001:db8::/64")
    #expect(origin([("X-Forwarded-For", "::ffff:192.0.2.1, ::ffff:10.0.0.2")]).address == "192.0.2.1")
  }

  @Test func linksFollowTheProxyAndNobodyElse() async throws {
    let request = """
      GET /compute/where HTTP/1.1\r\nHost: inner:1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: outer\r\n\
      X-Forwarded-For: 192.0.2.1\r\nConnection: close\r\n\r\n
      """
    let plain = try await ListenerFixture().say(request)
    #expect(plain.hasSuffix(#"{"base":"http://inner:1","from":"127.0.0.1"}"#))
    let trusted = try await ListenerFixture(proxies: ["127.0.0.1"]).say(request)
    #expect(trusted.hasSuffix(#"{"base":"https://outer","from":"192.0.2.1"}"#))
  }
}
