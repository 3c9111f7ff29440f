/// Where a span stands: W3C Trace Context's `traceparent`, https://www.w3.org/TR/trace-context/
public struct TraceContext: Sendable, Hashable {
  /// The whole trace's id, 16 bytes; never zero.
  public var traceHigh: UInt64
  public var traceLow: UInt64
  /// The id of the span that others are children of; never zero.
  public var spanID: UInt64
  /// Whether whoever began the trace keeps it.
  public var sampled: Bool

  public init(traceHigh: UInt64, traceLow: UInt64, spanID: UInt64, sampled: Bool) {
    self.traceHigh = traceHigh
    self.traceLow = traceLow
    self.spanID = spanID
    self.sampled = sampled
  }

  /// Reads `00-<32 hex>-<16 hex>-<2 hex>`; nil where it is not one: then the header is as good as not there. What a
  /// later version appends is left out, as the standard asks.
  public init?(traceparent text: some StringProtocol) {
    let parts = text.split(separator: "-", maxSplits: 4, omittingEmptySubsequences: false)
    guard parts.count >= 4, let version = Self.hex(parts[0], digits: 2), version != 0xff,
      version != 0 || parts.count == 4, parts[1].utf8.count == 32,
      let high = Self.hex(parts[1].prefix(16), digits: 16), let low = Self.hex(parts[1].suffix(16), digits: 16),
      let span = Self.hex(parts[2], digits: 16), let flags = Self.hex(parts[3], digits: 2), high | low != 0, span != 0
    else { return nil }
    self.init(traceHigh: high, traceLow: low, spanID: span, sampled: flags & 1 == 1)
  }

  /// The trace of a request that came without one: its id is the request's own, so that whoever knows the request's
  /// id (a manifest's row, a node's step) knows its trace. nil where `requestID` is no request id.
  public init?(requestID: String, sampled: Bool) {
    guard requestID.utf8.count == 40, requestID.hasPrefix("req-") else { return nil }
    let digits = requestID.dropFirst(4).filter { $0 != "-" }
    guard digits.utf8.count == 32, let high = Self.hex(digits.prefix(16), digits: 16),
      let low = Self.hex(digits.suffix(16), digits: 16), high | low != 0
    else { return nil }
    // The request's own span is told from its id as well.
    let span = Self.mix(high ^ low)
    self.init(traceHigh: high, traceLow: low, spanID: span == 0 ? 1 : span, sampled: sampled)
  }

  /// As the header carries it.
  public var traceparent: String { "00-\(traceID)-\(Self.text(spanID))-\(sampled ? "01" : "00")" }

  /// 32 hex digits.
  public var traceID: String { Self.text(traceHigh) + Self.text(traceLow) }

  /// 16 hex digits of a span's id.
  public static func text(_ id: UInt64) -> String {
    let digits = String(id, radix: 16)
    return String(repeating: "0", count: 16 - digits.utf8.count) + digits
  }

  /// SplitMix64's last step: numbers that are alike become ids that are not.
  public static func mix(_ number: UInt64) -> UInt64 {
    var z = number &+ 0x9e37_79b9_7f4a_7c15
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  /// Lower-case hex digits only, as the standard asks.
  private static func hex(_ text: some StringProtocol, digits: Int) -> UInt64? {
    guard text.utf8.count == digits else { return nil }
    var value: UInt64 = 0
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt64(byte - UInt8(ascii: "0"))
      case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt64(byte - UInt8(ascii: "a") + 10)
      default: return nil
      }
    }
    return value
  }
}

extension TraceContext {
  /// The place of a new span of the same trace.
  public func child() -> TraceContext { child(named: UInt64.random(in: 1...UInt64.max)) }

  /// The place of a span whose id is told from `number`: whoever tells of the same work twice gives it the same id.
  public func child(named number: UInt64) -> TraceContext {
    var place = self
    place.spanID = max(1, Self.mix(number ^ traceLow))
    return place
  }
}
