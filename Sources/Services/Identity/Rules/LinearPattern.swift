import Kit

/// A regular expression as the rules of mappings have them (Python's `re.search`), matched in time that grows with the
/// length of the text times the size of the pattern, never faster: all ways to match are followed at once, none is
/// tried again. What cannot be matched so (back references, looking ahead and behind) is refused when it is read.
struct LinearPattern: Sendable {
  /// Characters of a pattern at the most.
  static let charactersMax = 1024
  /// Characters of a text that is looked at; a longer one matches nothing.
  static let textMax = 4096
  /// Steps that all patterns of one login may take together.
  static let stepsMax = 5_000_000

  /// Why a pattern is not taken.
  struct Refused: Error {
    var reason: String
  }

  /// The texts of a login need more steps than they may.
  struct TooMuch: Error {}

  /// What one step of a match does.
  enum Instruction: Sendable {
    case one(PatternSet)
    case either(Int, Int)
    case jump(Int)
    case assert(PatternPlace)
    case matched
  }

  private let program: [Instruction]
  private let ignoresCase: Bool

  /// Throws `Refused`.
  init(_ text: String) throws {
    var parser = try PatternParser(text)
    let node = try parser.parse()
    var compiler = PatternCompiler()
    try compiler.emit(node)
    compiler.finish()
    program = compiler.program
    ignoresCase = parser.ignoresCase
  }

  /// Whether it matches anywhere in `text`. Throws `TooMuch` where `steps` are used up; they are counted down.
  func matches(_ text: String, steps: inout Int) throws -> Bool {
    let scalars = Array(text.unicodeScalars.prefix(Self.textMax + 1))
    guard scalars.count <= Self.textMax else { return false }
    var present = Threads(count: program.count)
    var next = Threads(count: program.count)
    for place in 0...scalars.count {
      // A match may begin at every place.
      if add(0, to: &present, scalars, place, &steps) { return true }
      if place == scalars.count { return false }
      next.clear()
      for thread in present.list {
        guard case .one(let set) = program[thread], set.has(scalars[place], ignoresCase: ignoresCase) else { continue }
        if add(thread + 1, to: &next, scalars, place + 1, &steps) { return true }
      }
      if steps <= 0 { throw TooMuch() }
      swap(&present, &next)
    }
    return false
  }

  /// Instructions to go on from, each once.
  private struct Threads {
    var list: [Int] = []
    private var seen: [Bool]

    init(count: Int) { seen = Array(repeating: false, count: count) }

    mutating func insert(_ thread: Int) -> Bool {
      if seen[thread] { return false }
      seen[thread] = true
      list.append(thread)
      return true
    }

    mutating func clear() {
      for thread in list { seen[thread] = false }
      list.removeAll(keepingCapacity: true)
    }
  }

  /// Follows all that needs no character; whether the end of the pattern was reached.
  private func add(
    _ start: Int, to threads: inout Threads, _ text: [Unicode.Scalar], _ place: Int, _ steps: inout Int
  ) -> Bool {
    var open = [start]
    while let thread = open.popLast() {
      steps -= 1
      guard threads.insert(thread) else { continue }
      switch program[thread] {
      case .one: break
      case .either(let first, let second): open += [second, first]
      case .jump(let target): open.append(target)
      case .assert(let assertion): if assertion.holds(text, place) { open.append(thread + 1) }
      case .matched: return true
      }
    }
    return false
  }
}

/// Characters that one place of a pattern takes.
struct PatternSet: Sendable {
  enum Kind: Character, Sendable {
    case digit = "d"
    case word = "w"
    case space = "s"

    func has(_ scalar: Unicode.Scalar) -> Bool {
      switch self {
      case .digit: scalar.properties.generalCategory == .decimalNumber
      case .word:
        scalar == "_" || scalar.properties.isAlphabetic || scalar.properties.numericType != nil
      case .space: scalar.properties.isWhitespace
      }
    }
  }

  var ranges: [ClosedRange<Unicode.Scalar>] = []
  var kinds: [(kind: Kind, negated: Bool)] = []
  var negated = false

  /// Every character but the end of a line.
  static let any = PatternSet(ranges: ["\n"..."\n"], negated: true)

  static func single(_ scalar: Unicode.Scalar) -> PatternSet { PatternSet(ranges: [scalar...scalar]) }

  func has(_ scalar: Unicode.Scalar, ignoresCase: Bool) -> Bool {
    var found = holds(scalar)
    if !found, ignoresCase { found = Self.otherCases(scalar).contains(where: holds) }
    return found != negated
  }

  private func holds(_ scalar: Unicode.Scalar) -> Bool {
    ranges.contains { $0.contains(scalar) } || kinds.contains { $0.kind.has(scalar) != $0.negated }
  }

  private static func otherCases(_ scalar: Unicode.Scalar) -> [Unicode.Scalar] {
    [scalar.properties.lowercaseMapping, scalar.properties.uppercaseMapping].compactMap {
      $0.unicodeScalars.count == 1 ? $0.unicodeScalars.first : nil
    }
  }
}

/// What a place in a text must be.
enum PatternPlace: Sendable {
  case start, end, veryEnd, wordEdge, noWordEdge

  func holds(_ text: [Unicode.Scalar], _ place: Int) -> Bool {
    switch self {
    case .start: return place == 0
    case .veryEnd: return place == text.count
    case .end: return place == text.count || place == text.count - 1 && text[place] == "\n"
    case .wordEdge, .noWordEdge:
      let before = place > 0 && PatternSet.Kind.word.has(text[place - 1])
      let after = place < text.count && PatternSet.Kind.word.has(text[place])
      return (before != after) == (self == .wordEdge)
    }
  }
}

/// Puts a pattern's tree into a row of instructions.
private struct PatternCompiler {
  /// Instructions of a pattern at the most: repetitions with counts are written out.
  private static let instructionsMax = 2000
  /// Nodes visited at the most: a repetition of nothing writes nothing, and would be visited without end.
  private static let visitsMax = 20_000
  private(set) var program: [LinearPattern.Instruction] = []
  private var visits = 0

  private mutating func add(_ instruction: LinearPattern.Instruction) throws {
    guard program.count < Self.instructionsMax else { throw LinearPattern.Refused(reason: "it is too large") }
    program.append(instruction)
  }

  mutating func finish() { program.append(.matched) }

  mutating func emit(_ node: PatternNode) throws {
    visits += 1
    guard visits <= Self.visitsMax else { throw LinearPattern.Refused(reason: "it repeats too much") }
    switch node {
    case .set(let set): try add(.one(set))
    case .place(let place): try add(.assert(place))
    case .sequence(let nodes): for node in nodes { try emit(node) }
    case .either(let choices): try emit(either: choices[...])
    case .repeated(let node, let least, let most):
      for _ in 0..<least { try emit(node) }
      guard let most else { return try emit(star: node) }
      for _ in least..<max(most, least) { try emit(maybe: node) }
    }
  }

  private mutating func emit(either choices: ArraySlice<PatternNode>) throws {
    guard let first = choices.first else { return }
    guard choices.count > 1 else { return try emit(first) }
    let fork = program.count
    try add(.jump(0))
    try emit(first)
    let leave = program.count
    try add(.jump(0))
    program[fork] = .either(fork + 1, program.count)
    try emit(either: choices.dropFirst())
    program[leave] = .jump(program.count)
  }

  private mutating func emit(star node: PatternNode) throws {
    let fork = program.count
    try add(.jump(0))
    try emit(node)
    try add(.jump(fork))
    program[fork] = .either(fork + 1, program.count)
  }

  private mutating func emit(maybe node: PatternNode) throws {
    let fork = program.count
    try add(.jump(0))
    try emit(node)
    program[fork] = .either(fork + 1, program.count)
  }
}
