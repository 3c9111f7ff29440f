import Foundation

/// Makes and checks the identifiers OpenStack uses.
public enum Identifier {
  /// A random UUID in lower case with dashes, as Nova, Neutron and Glance write it.
  public static func uuid() -> String { UUID().uuidString.lowercased() }

  /// A random UUID in lower case without dashes, as Keystone writes it.
  public static func hex() -> String { uuid().replacing("-", with: "") }

  /// A request id, `req-<uuid>`.
  public static func request() -> String { "req-" + uuid() }

  /// Whether `text` is a UUID with dashes in either case.
  public static func isUUID(_ text: String) -> Bool { text.utf8.count == 36 && UUID(uuidString: text) != nil }

  /// Whether `text` is a request id, `req-<uuid>`.
  public static func isRequest(_ text: String) -> Bool { text.hasPrefix("req-") && isUUID(String(text.dropFirst(4))) }

  /// The UUIDs that begin with `text`, as a range of text: `text` itself is eight of their characters at the least,
  /// with or without dashes. nil where nothing begins so.
  public static func range(beginning text: String) -> Range<String>? {
    let digits = text.lowercased().replacing("-", with: "")
    guard (8...32).contains(digits.utf8.count), digits.utf8.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit })
    else { return nil }
    var dashed = ""
    for (place, digit) in digits.enumerated() {
      if [8, 12, 16, 20].contains(place) { dashed += "-" }
      dashed.append(digit)
    }
    let asked = text.lowercased()
    guard !asked.contains("-") || dashed == asked || dashed + "-" == asked else { return nil }
    // `g` comes after every digit and the dash.
    return dashed..<dashed + "g"
  }
}
