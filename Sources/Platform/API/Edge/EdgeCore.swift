import Kit
import NIOCore

/// What all connections of a listener share.
final class EdgeCore: Sendable {
  let gateway: Gateway
  let limits: EdgeLimits
  let proxies: ProxyTrust
  let ledger: ConnectionLedger
  /// Bytes of answers that their readers have not taken.
  let answers: Budget
  /// Requests that were begun and whose answers are not handed over yet.
  let exchanges = Budget(.max)
  private let scheme: String
  private let fallbackHost: String

  init(_ gateway: Gateway, proxies: ProxyTrust, isTLS: Bool, fallbackHost: String) {
    self.gateway = gateway
    limits = gateway.guards.limits
    self.proxies = proxies
    ledger = ConnectionLedger(limits)
    answers = Budget(limits.answerBytesMax)
    scheme = isTLS ? "https" : "http"
    self.fallbackHost = fallbackHost
  }

  /// Whether anything is open or worked on.
  var isBusy: Bool { ledger.total > 0 || exchanges.inUse > 0 }

  /// Has a request answered, on its connection's thread where nothing must be waited for.
  func serve<Taker: AnswerTaker>(_ request: RawRequest, _ delivery: Delivery<Taker>, on executor: LoopExecutor) {
    exchanges.force(1)
    Task.immediate(executorPreference: executor) {
      await delivery.deliver(await gateway.respond(to: request))
      exchanges.give(1)
    }
  }

  /// The request of a head that came over a connection from `peer`.
  func request(_ head: RequestHead, _ body: BodyStream, _ peer: PeerFacts) -> RawRequest {
    guard peer.isProxy else {
      return RawRequest(
        method: head.method, target: head.target, headers: head.headers, body: body,
        baseURL: peer.baseURL(scheme, head.host ?? fallbackHost), remoteAddress: peer.address)
    }
    let origin = proxies.origin(head.headers)
    let base = (origin.scheme ?? scheme) + "://" + (origin.host ?? head.host ?? fallbackHost)
    return RawRequest(
      method: head.method, target: head.target, headers: head.headers, body: body, baseURL: base,
      remoteAddress: origin.address ?? peer.address)
  }
}

/// Who is at the other end of a connection. Used on the connection's own thread.
final class PeerFacts {
  let address: String?
  /// Whether it is a proxy that is trusted to say where requests come from.
  let isProxy: Bool
  private var lastHost = ""
  private var lastBase = ""

  init(_ address: String?, _ proxies: ProxyTrust) {
    // A socket of both versions writes IPv4 as IPv6: all of it would be one party, and no block of IPv4 would match.
    self.address = address.map { $0.hasPrefix("::ffff:") ? IPAddress($0)?.unmapped.description ?? $0 : $0 }
    isProxy = self.address.map(proxies.trusts) ?? false
  }

  /// Who the connection counts as; nil where it is not counted by address.
  var party: String? {
    guard let address, !isProxy, !Guards.isLoopback(address) else { return nil }
    return Guards.party(address)
  }

  /// Clients say the same host over and over.
  func baseURL(_ scheme: String, _ host: String) -> String {
    if host != lastHost {
      lastHost = host
      lastBase = scheme + "://" + host
    }
    return lastBase
  }
}
