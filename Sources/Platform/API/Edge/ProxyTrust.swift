public import Kit

/// The proxies whose word on where a request came from is taken. From anybody else such headers mean nothing.
public struct ProxyTrust: Sendable, Hashable {
  /// Blocks of addresses at the most.
  public static let blocksMax = 64
  /// Elements read of one header at the most: more is a chain of proxies that nobody has.
  private static let elementsMax = 32

  public var blocks: [CIDR]

  public init(_ blocks: [CIDR] = []) { self.blocks = blocks }

  /// What a request says of how it came to the outermost trusted proxy.
  struct Origin: Hashable {
    var address: String?
    var scheme: String?
    var host: String?
  }

  func trusts(_ address: String) -> Bool {
    guard !blocks.isEmpty, let address = IPAddress(address) else { return false }
    return blocks.contains { $0.contains(address) }
  }

  /// Reads `X-Forwarded-For`, `-Proto`, `-Host` and `-Port`, or `Forwarded` (RFC 7239) where there is no
  /// `X-Forwarded-For`, of a request that a trusted proxy sent. What is malformed is left out.
  ///
  /// A proxy that writes the one passes the other on as the client sent it. Nearly all write `X-Forwarded-For`, so that
  /// counts where both are there; one that writes `Forwarded` alone must take the client's `X-Forwarded-For` away.
  func origin(_ headers: RequestHeaders) -> Origin {
    if headers[lowered: "x-forwarded-for"] == nil, let forwarded = headers.joined(lowered: "forwarded") {
      return self.forwarded(forwarded)
    }
    func list(_ name: String) -> [String] {
      (headers.joined(lowered: name) ?? "").split(separator: ",").suffix(Self.elementsMax).map { $0.trimmingBlanks }
    }
    let hops = list("x-forwarded-for")
    let place = client(hops.map { Self.address($0) })
    func said(_ values: [String]) -> String? {
      // One value for each hop, or one for all of them.
      if let place, values.count == hops.count { return values[place] }
      return values.last
    }
    var origin = Origin(address: place.flatMap { Self.address(hops[$0]) })
    origin.scheme = said(list("x-forwarded-proto")).flatMap(Self.scheme)
    origin.host = said(list("x-forwarded-host")).flatMap(Self.host)
    if let host = origin.host, !Self.hasPort(host), let port = said(list("x-forwarded-port")).flatMap({ Int($0) }),
      (1...65535).contains(port), port != (origin.scheme == "https" ? 443 : 80)
    {
      origin.host = "\(host):\(port)"
    }
    return origin
  }

  /// The hop that was not a trusted proxy's, from the right; the first where all are. A hop that cannot be read ends
  /// the search: what stands left of it was said by a stranger.
  private func client(_ hops: [String?]) -> Int? {
    var place: Int?
    for (index, hop) in hops.enumerated().reversed() {
      guard let hop else { break }
      place = index
      if !trusts(hop) { break }
    }
    return place
  }

  private func forwarded(_ text: String) -> Origin {
    let elements = Self.split(text, at: ",").suffix(Self.elementsMax).map { element in
      Dictionary(
        Self.split(element, at: ";").compactMap { pair -> (String, String)? in
          guard let mark = pair.firstIndex(of: "=") else { return nil }
          let value = pair[pair.index(after: mark)...].trimmingBlanks
          let isQuoted = value.count >= 2 && value.hasPrefix("\"") && value.hasSuffix("\"")
          return (pair[..<mark].trimmingBlanks.lowercased(), isQuoted ? String(value.dropFirst().dropLast()) : value)
        }, uniquingKeysWith: { first, _ in first })
    }
    guard let place = client(elements.map { $0["for"].flatMap(Self.address) }) else {
      let last = elements.last
      return Origin(scheme: last?["proto"].flatMap(Self.scheme), host: last?["host"].flatMap(Self.host))
    }
    let element = elements[place]
    return Origin(
      address: element["for"].flatMap(Self.address), scheme: element["proto"].flatMap(Self.scheme),
      host: element["host"].flatMap(Self.host))
  }

  /// Splits where the mark stands outside of quotes.
  private static func split(_ text: String, at mark: Character) -> [String] {
    var parts = [""]
    var isQuoted = false
    for character in text {
      if character == "\"" { isQuoted.toggle() }
      if character == mark, !isQuoted { parts.append("") } else { parts[parts.count - 1].append(character) }
    }
    return parts.map(\.trimmingBlanks)
  }

  /// An address with or without a port; nil for a name, `unknown` or an obfuscated one.
  private static func address(_ text: String) -> String? {
    var text = text
    if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
      text = String(text[text.index(after: text.startIndex)..<end])
    } else if let colon = text.firstIndex(of: ":"), text.lastIndex(of: ":") == colon {
      text = String(text[..<colon])
    }
    return IPAddress(text)?.unmapped.description
  }

  private static func scheme(_ text: String) -> String? {
    let scheme = text.lowercased()
    return scheme == "http" || scheme == "https" ? scheme : nil
  }

  private static func host(_ text: String) -> String? { RequestHead.isAuthority(text) ? text : nil }

  private static func hasPort(_ host: String) -> Bool {
    host.hasPrefix("[") ? !host.hasSuffix("]") : host.contains(":")
  }
}
