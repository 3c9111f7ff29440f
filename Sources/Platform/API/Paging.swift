/// `limit` and `marker` of a list request.
public struct PageRequest: Sendable {
  /// Rows on one page at the most; nil where neither client nor service bounds it.
  public var limit: Int?
  /// Id of the last row of the page before.
  public var marker: String?
}

extension Call {
  /// Reads `limit` and `marker`. A `limit` above `maximum` becomes `maximum`. Throws `Fault` 400 for one that is no
  /// non-negative number.
  public func page(default standard: Int?, maximum: Int?) throws -> PageRequest {
    var limit = try query.natural("limit") ?? standard
    if let maximum { limit = min(limit ?? maximum, maximum) }
    return PageRequest(limit: limit, marker: query["marker"])
  }

  /// The URL of the next page: this request's own with every filter kept and another marker.
  public func nextPage(marker: String) -> String {
    let kept = query.items.filter { $0.name != "marker" } + [("marker", marker)]
    return baseURL + path + "?" + kept.map { "\(Self.encode($0.name))=\(Self.encode($0.value))" }.joined(separator: "&")
  }

  private static func encode(_ text: String) -> String {
    var encoded = ""
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
        UInt8(ascii: "~"):
        encoded.unicodeScalars.append(Unicode.Scalar(byte))
      default: encoded += "%" + String(UInt16(byte) | 0x100, radix: 16, uppercase: true).dropFirst()
      }
    }
    return encoded
  }
}
