/// A pattern's tree.
indirect enum PatternNode: Sendable {
  case set(PatternSet)
  case place(PatternPlace)
  case sequence([PatternNode])
  case either([PatternNode])
  /// So often at least and at most; nil is without end.
  case repeated(PatternNode, Int, Int?)
}

/// Reads a regular expression of the kind that Python has.
struct PatternParser {
  private static let depthMax = 50
  /// The largest count in `{m,n}`.
  private static let countMax = 1000
  private var rest: ArraySlice<Unicode.Scalar>
  private(set) var ignoresCase = false

  /// Throws `LinearPattern.Refused`.
  init(_ text: String) throws {
    guard text.unicodeScalars.count <= LinearPattern.charactersMax else {
      throw LinearPattern.Refused(reason: "it is longer than \(LinearPattern.charactersMax) characters")
    }
    rest = Array(text.unicodeScalars)[...]
    if take("(?i)") { ignoresCase = true }
  }

  mutating func parse() throws -> PatternNode {
    let node = try choices(depth: 0)
    guard rest.isEmpty else { throw LinearPattern.Refused(reason: "a parenthesis closes what is not open") }
    return node
  }

  private mutating func take(_ text: String) -> Bool {
    guard rest.starts(with: text.unicodeScalars) else { return false }
    rest = rest.dropFirst(text.unicodeScalars.count)
    return true
  }

  private mutating func choices(depth: Int) throws -> PatternNode {
    guard depth < Self.depthMax else { throw LinearPattern.Refused(reason: "its groups are nested too deep") }
    var choices = [try sequence(depth)]
    while take("|") { choices.append(try sequence(depth)) }
    return choices.count == 1 ? choices[0] : .either(choices)
  }

  private mutating func sequence(_ depth: Int) throws -> PatternNode {
    var nodes: [PatternNode] = []
    while let next = rest.first, next != "|", next != ")" {
      var node = try atom(depth)
      if let (least, most) = try count() {
        node = .repeated(node, least, most)
        // Lazily or not makes no difference to whether it matches.
        _ = take("?")
        if rest.first == "*" || rest.first == "+" { throw LinearPattern.Refused(reason: "two repetitions in a row") }
      }
      nodes.append(node)
    }
    return .sequence(nodes)
  }

  private mutating func count() throws -> (Int, Int?)? {
    if take("*") { return (0, nil) }
    if take("+") { return (1, nil) }
    if take("?") { return (0, 1) }
    guard rest.first == "{", let close = rest.firstIndex(of: "}") else { return nil }
    let body = String(String.UnicodeScalarView(rest[(rest.startIndex + 1)..<close]))
    let parts = body.split(separator: ",", omittingEmptySubsequences: false)
    // Anything else between braces is meant as it stands.
    guard (1...2).contains(parts.count), parts.allSatisfy({ $0.allSatisfy { $0.isASCII && $0.isNumber } }),
      parts.contains(where: { !$0.isEmpty })
    else { return nil }
    let least = parts[0].isEmpty ? 0 : Int(parts[0])
    let most = parts.count == 1 ? least : parts[1].isEmpty ? nil : Int(parts[1])
    guard let least, least <= Self.countMax, (most ?? least) <= Self.countMax, (most ?? least) >= least,
      parts.count == 1 || parts[1].isEmpty || most != nil
    else { throw LinearPattern.Refused(reason: "{\(body)} is no count of 0 to \(Self.countMax)") }
    rest = rest[(close + 1)...]
    return (least, parts.count == 2 && parts[1].isEmpty ? nil : most)
  }

  private mutating func atom(_ depth: Int) throws -> PatternNode {
    guard let next = rest.popFirst() else { throw LinearPattern.Refused(reason: "it ends too early") }
    switch next {
    case ".": return .set(.any)
    case "^": return .place(.start)
    case "$": return .place(.end)
    case "[": return .set(try set())
    case "\\": return try escape()
    case "(": return try group(depth)
    case "*", "+", "?": throw LinearPattern.Refused(reason: "there is nothing to repeat")
    default: return .set(.single(next))
    }
  }

  private mutating func group(_ depth: Int) throws -> PatternNode {
    if take("?P<") {
      guard let close = rest.firstIndex(of: ">") else { throw LinearPattern.Refused(reason: "a name does not end") }
      rest = rest[(close + 1)...]
    } else if rest.first == "?", !take("?:") {
      throw LinearPattern.Refused(reason: "looking ahead or behind, and flags within it, are not taken")
    }
    let node = try choices(depth: depth + 1)
    guard take(")") else { throw LinearPattern.Refused(reason: "a parenthesis does not close") }
    return node
  }

  private mutating func escape() throws -> PatternNode {
    guard let next = rest.popFirst() else { throw LinearPattern.Refused(reason: "it ends with a backslash") }
    switch next {
    case "b": return .place(.wordEdge)
    case "B": return .place(.noWordEdge)
    case "A": return .place(.start)
    case "Z": return .place(.veryEnd)
    default:
      if let kind = Self.kind(next) { return .set(PatternSet(kinds: [kind])) }
      return .set(.single(try literal(next)))
    }
  }

  /// `\d` and its like.
  private static func kind(_ letter: Unicode.Scalar) -> (PatternSet.Kind, Bool)? {
    let lower = Character(letter.properties.lowercaseMapping)
    return PatternSet.Kind(rawValue: lower).map { ($0, letter.properties.isUppercase) }
  }

  /// The character that a backslash and this one stand for.
  private mutating func literal(_ letter: Unicode.Scalar) throws -> Unicode.Scalar {
    switch letter {
    case "n": return "\n"
    case "t": return "\t"
    case "r": return "\r"
    case "f": return "\u{0C}"
    case "v": return "\u{0B}"
    case "x", "u":
      let count = letter == "x" ? 2 : 4
      let digits = String(String.UnicodeScalarView(rest.prefix(count)))
      guard digits.count == count, let code = UInt32(digits, radix: 16), let scalar = Unicode.Scalar(code) else {
        throw LinearPattern.Refused(reason: "\\\(letter) needs \(count) hexadecimal digits")
      }
      rest = rest.dropFirst(count)
      return scalar
    default:
      guard !(letter.isASCII && Character(letter).isLetter || ("0"..."9").contains(letter)) else {
        throw LinearPattern.Refused(reason: "\\\(letter) is not taken")
      }
      return letter
    }
  }

  private mutating func set() throws -> PatternSet {
    var set = PatternSet()
    set.negated = take("^")
    var isFirst = true
    while let next = rest.popFirst() {
      if next == "]", !isFirst { return set }
      isFirst = false
      if next == "\\", let letter = rest.first, let kind = Self.kind(letter) {
        rest.removeFirst()
        set.kinds.append(kind)
        continue
      }
      let low = try member(next)
      guard rest.first == "-", let after = rest.dropFirst().first, after != "]" else {
        set.ranges.append(low...low)
        continue
      }
      rest.removeFirst(2)
      let high = try member(after)
      guard low <= high else { throw LinearPattern.Refused(reason: "a range runs backwards") }
      set.ranges.append(low...high)
    }
    throw LinearPattern.Refused(reason: "a bracket does not close")
  }

  private mutating func member(_ next: Unicode.Scalar) throws -> Unicode.Scalar {
    guard next == "\\" else { return next }
    guard let letter = rest.popFirst() else { throw LinearPattern.Refused(reason: "it ends with a backslash") }
    guard Self.kind(letter) == nil else { throw LinearPattern.Refused(reason: "a class cannot end a range") }
    return letter == "b" ? "\u{08}" : try literal(letter)
  }
}
