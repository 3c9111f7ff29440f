import API
import Foundation
import Kit
import Logging
import Store
import Synchronization
import Testing

@testable import Cloud

struct ObservingTests {
  private func settings(_ options: ObserveOptions, existing: CloudSettings? = nil) throws -> CloudSettings {
    var all = CloudOptions(host: nil, port: nil, externalCIDR: nil, externalMasquerade: nil)
    all.observe = options
    return try all.settings(existing: existing)
  }

  @Test func whatWasSaidOfItIsKeptAndCanBeTakenBack() throws {
    let plain = try settings(ObserveOptions())
    #expect(plain.observe == nil)
    let first = try settings(
      ObserveOptions(metricsListen: "127.0.0.1:9700", accessLog: true, traceRatio: 0.5), existing: plain)
    #expect(first.observe?.metricsHost == "127.0.0.1" && first.observe?.metricsPort == 9700)
    #expect(first.observe?.accessLog == true && first.observe?.traceRatio == 0.5)
    #expect(try settings(ObserveOptions(), existing: first) == first)
    #expect(first.seen(byControl: 2).observe?.metricsPort == 9701)
    let off = ObserveOptions(metricsListen: "off", accessLog: false, traceRatio: 0)
    #expect(try settings(off, existing: first).observe == nil)
    #expect(try settings(ObserveOptions(metricsListen: "[::1]:9700")).observe?.metricsHost == "::1")
    #expect(try settings(ObserveOptions(metricsListen: ":9700")).observe?.metricsHost == "127.0.0.1")
  }

  @Test(arguments: ["", "9700x", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:99999", "host:9700", "on"])
  func badPlacesAreRefused(text: String) {
    #expect(throws: CloudProblem.self) { try settings(ObserveOptions(metricsListen: text)) }
  }

  @Test(arguments: [-0.1, 1.1, .infinity, .nan]) func badSharesAreRefused(ratio: Double) {
    #expect(throws: CloudProblem.self) { try settings(ObserveOptions(traceRatio: ratio)) }
  }

  /// A store that is gone, or hangs, until it is back.
  private final class FlakyStore: Store {
    enum Mood { case well, gone, hanging }
    let inner: any Store
    let mood = Mutex(Mood.well)
    let reads = Counter()
    init(_ inner: any Store) { self.inner = inner }
    var feed: ChangeFeed { inner.feed }
    func read<T: Sendable>(_ body: @escaping @Sendable (Transaction) throws -> T) async throws -> T {
      reads.add()
      switch mood.withLock({ $0 }) {
      case .well: return try await inner.read(body)
      case .gone: throw StoreError(kind: .io, message: "secret place is gone")
      case .hanging:
        try await Task.sleep(for: .seconds(600))
        return try await inner.read(body)
      }
    }
    func write<T: Sendable>(_ body: @escaping @Sendable (Transaction) throws -> T) async throws -> T {
      try await inner.write(body)
    }
  }

  private func obstacles(_ readiness: Readiness, become wanted: [String]) async throws {
    for _ in 0..<300 {
      if await readiness.obstacles() == wanted { return }
      try await Task.sleep(for: .milliseconds(100))
    }
    Issue.record("It stays at \(await readiness.obstacles()).")
  }

  @Test func readinessSaysWhatIsMissingUntilItIsThere() async throws {
    let cloud = try await WholeCloudFixture()
    let store = FlakyStore(cloud.services.store)
    let link = Flag()
    let readiness = Readiness(store: store, link: link)
    try await obstacles(readiness, become: ["the nodes' listener is not open"])
    link.raise()
    try await obstacles(readiness, become: [])
    store.mood.withLock { $0 = .gone }
    try await obstacles(readiness, become: ["the store cannot be read"])
    store.mood.withLock { $0 = .hanging }
    try await obstacles(readiness, become: ["the store does not answer"])
    store.mood.withLock { $0 = .well }
    try await obstacles(readiness, become: [])
  }

  @Test func howeverOftenItIsAskedTheStoreIsAskedSeldom() async throws {
    let cloud = try await WholeCloudFixture()
    let store = FlakyStore(cloud.services.store)
    let readiness = Readiness(store: store, link: Flag())
    let began = ContinuousClock.now
    for _ in 0..<2000 { _ = await readiness.obstacles() }
    let seconds = (ContinuousClock.now - began) / Readiness.freshFor
    #expect(Double(store.reads.count) <= seconds + 1)
  }

  @Test func probesNeedNoTokenAndGiveNothingAway() async throws {
    let cloud = try await WholeCloudFixture()
    #expect(await cloud.send("GET", "/healthz", token: nil).status == 200)
    let ready = await cloud.send("GET", "/readyz", token: nil)
    #expect(ready.status == 503 && ready.text == "the nodes' listener is not open\n")
    // Behind a proxy on this host everybody comes from loopback: the API's listener gives metrics to no stranger.
    #expect(await cloud.send("GET", "/metrics", token: nil).status == 404)
    #expect(await cloud.send("GET", "/haneul/v1/metrics", token: nil).status == 401)
    #expect(await cloud.send("GET", "/haneul/v1/metrics", token: cloud.member).status == 403)
    let page = await cloud.send("GET", "/haneul/v1/metrics", token: cloud.admin)
    #expect(page.status == 200)
    for family in [
      "haneul_http_requests_total{", "haneul_store_transaction_seconds_bucket{", "haneul_store_feed_revision ",
      "haneul_store_bytes ", "process_resident_memory_bytes ", "haneul_node_streams ", "haneul_request_log_rows{",
      "haneul_token_cache_lookups_total{", "haneul_token_cache_tokens ",
    ] { #expect(page.text.contains("\n" + family), "\(family)") }
  }

  /// Logins, right and wrong, are on record with the name that was tried, and never with the password.
  @Test func loginsAreOnRecord() async throws {
    let cloud = try await WholeCloudFixture()
    let body =
      #"{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"mallory","domain":{"id":"default"},"#
      + #""password":"hunter2-x"}}}}}"#
    #expect(await cloud.send("POST", "/identity/v3/auth/tokens", token: nil, body: body).status == 401)
    let answer = await cloud.send("GET", "/haneul/v1/audit?kind=login", token: cloud.admin)
    let events = try #require(try JSONValue(parsing: answer.text)["events"]?.array)
    #expect(events.first?["initiator"]?["name"] == .string("mallory"))
    #expect(events.first?["outcome"] == .string("failure") && events.first?["action"] == .string("authenticate"))
    let names = events.filter { $0["outcome"] == .string("success") }.compactMap { $0["initiator"]?["name"]?.string }
    #expect(Set(names) == ["admin", "demo"])
    #expect(!answer.text.contains("hunter2") && !answer.text.contains("-password") && !answer.text.contains("gAAAA"))
  }
}
