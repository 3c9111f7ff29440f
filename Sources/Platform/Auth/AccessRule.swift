/// One thing that an application credential may be used for (Keystone's access rules).
public struct AccessRule: Sendable, Hashable {
  /// Longest path that a rule is compared with, in bytes; none allows a longer one.
  static let pathBytesMax = 2048

  public var id: String
  /// A service's type as in the catalogue, `compute`.
  public var service: String
  /// `GET`, `POST`, …
  public var method: String
  /// The path below the service's endpoint, `/v2.1/servers/*/ips`: `*` and `{name}` stand for something within one
  /// segment, `**` for anything, slashes too.
  public var path: String

  public init(id: String, service: String, method: String, path: String) {
    self.id = id
    self.service = service
    self.method = method
    self.path = path
  }

  /// Whether a request is what the rule speaks of. `segments` is the request's path below the service's endpoint, as it
  /// is routed: decoded, and without the slashes. So no other spelling of a path gets past a rule.
  public func allows(service: String, method: String, segments: [String]) -> Bool {
    guard service == self.service, method == self.method else { return false }
    // What stands between segments is told from a slash within one.
    let text = segments.flatMap { [Self.separator] + Array($0.utf8) }
    return text.count <= Self.pathBytesMax && Self.matches(Self.tokens(path), text)
  }

  private enum Token: Equatable {
    case byte(UInt8)
    /// One byte or more within a segment.
    case some
    /// Any bytes, or none.
    case all
  }

  /// No byte of a text in UTF-8.
  private static let separator: UInt8 = 0xFF

  private static func tokens(_ path: String) -> [Token] {
    let segments = path.split(separator: "/", omittingEmptySubsequences: true)
    return segments.flatMap { segment -> [Token] in
      var tokens: [Token] = [.byte(separator)]
      var rest = Array(segment.utf8)[...]
      while let first = rest.first {
        if rest.starts(with: Array("**".utf8)) {
          tokens.append(.all)
          rest = rest.dropFirst(2)
        } else if first == UInt8(ascii: "*") {
          tokens.append(.some)
          rest = rest.dropFirst()
        } else if first == UInt8(ascii: "{"), let end = rest.firstIndex(of: UInt8(ascii: "}")) {
          tokens.append(.some)
          rest = rest[(end + 1)...]
        } else {
          tokens.append(.byte(first))
          rest = rest.dropFirst()
        }
      }
      return tokens
    }
  }

  /// Takes as long as both lengths together say, whatever the rule is: all places in it are followed at once.
  private static func matches(_ tokens: [Token], _ text: [UInt8]) -> Bool {
    // Whether the tokens before an index fit what was read.
    var places = Array(repeating: false, count: tokens.count + 1)
    places[0] = true
    skip(tokens, &places)
    for byte in text {
      var next = Array(repeating: false, count: places.count)
      for (index, token) in tokens.enumerated() {
        switch token {
        case .byte(let wanted): next[index + 1] = places[index] && byte == wanted
        case .some: next[index + 1] = (places[index] || places[index + 1]) && byte != separator
        case .all: next[index + 1] = places[index] || places[index + 1]
        }
      }
      places = next
      skip(tokens, &places)
    }
    return places[tokens.count]
  }

  /// What stands for anything stands for nothing, too.
  private static func skip(_ tokens: [Token], _ places: inout [Bool]) {
    for (index, token) in tokens.enumerated() where token == .all && places[index] { places[index + 1] = true }
  }
}
