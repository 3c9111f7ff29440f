/// A microversion, `2.79`.
public struct Microversion: Sendable, Hashable, Comparable, CustomStringConvertible {
  public var major: Int
  public var minor: Int

  public init(_ major: Int, _ minor: Int) {
    self.major = major
    self.minor = minor
  }

  /// Reads `major.minor` without leading zeros; nil where the text is something else.
  public init?(_ text: String) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 2, let major = Int(parts[0]), let minor = Int(parts[1]), "\(major).\(minor)" == text,
      major > 0, minor >= 0
    else { return nil }
    self.init(major, minor)
  }

  public var description: String { "\(major).\(minor)" }

  /// Whether it is not before `first` and not after `last`; nil is without end.
  func isWithin(_ first: Microversion?, _ last: Microversion?) -> Bool {
    if let first, self < first { return false }
    if let last, self > last { return false }
    return true
  }

  public static func < (left: Microversion, right: Microversion) -> Bool {
    (left.major, left.minor) < (right.major, right.minor)
  }
}

/// The microversions a service takes, and how they are asked for.
public struct MicroversionRange: Sendable {
  /// The word in `OpenStack-API-Version: <word> X.Y`.
  public var serviceType: String
  /// The service's older header, `X-OpenStack-Nova-API-Version`; nil where there is none.
  public var legacyHeader: String?
  public var minimum: Microversion
  public var maximum: Microversion

  public init(serviceType: String, legacyHeader: String?, minimum: Microversion, maximum: Microversion) {
    self.serviceType = serviceType
    self.legacyHeader = legacyHeader
    self.minimum = minimum
    self.maximum = maximum
  }

  /// The version a request asks for: the minimum where it asks for none, the maximum for `latest`.
  /// Throws `Fault` 400 for what is no version and 406 for one outside the range.
  func negotiate(header: (String) -> String?) throws -> Microversion {
    var asked: String?
    for entry in (header("OpenStack-API-Version") ?? "").split(separator: ",") {
      let words = entry.split(separator: " ")
      if words.count == 2, words[0].lowercased() == serviceType { asked = String(words[1]) }
    }
    if asked == nil, let legacyHeader { asked = header(legacyHeader) }
    guard let asked = asked?.trimming() else { return minimum }
    if asked == "latest" { return maximum }
    guard let version = Microversion(asked) else {
      throw Fault(400, "API version string \(asked.quoted) is of invalid format: it must be MAJOR.MINOR or latest.")
    }
    guard minimum <= version, version <= maximum else {
      throw Fault(
        406, "Version \(version) is not supported. Supported are \(minimum) to \(maximum).", versions: self)
    }
    return version
  }
}

extension String {
  /// Without blanks at both ends.
  func trimming() -> String {
    var text = Substring(self)
    while text.first?.isWhitespace == true { text.removeFirst() }
    while text.last?.isWhitespace == true { text.removeLast() }
    return String(text)
  }

  /// In quotes, cut to a length that fits a fault, without control characters.
  public var quoted: String {
    "'" + String(prefix(120).map { $0.isNewline || $0.unicodeScalars.contains { $0.value < 0x20 } ? " " : $0 }) + "'"
  }
}
