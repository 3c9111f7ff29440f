import Testing

@testable import Identity

/// The patterns of mapping rules: what matches, what is refused, and that none takes long.
struct PatternTests {
  @Test(arguments: [
    ("abc", "xabcx", true), ("^abc", "xabc", false), ("abc$", "xabc", true), ("^abc$", "abc\n", true),
    (#"^\w+@example\.org$"#, "bob@example.org", true), (#"^\w+@example\.org$"#, "bob@example.org.evil", false),
    ("a.c", "abc", true), ("a.c", "a\nc", false), ("[a-c]+$", "xyzab", true), ("^[^a-c]+$", "xyz", true),
    ("^[^a-c]+$", "xbz", false), ("^(dev|ops)-[0-9]{2,3}$", "ops-123", true),
    ("^(dev|ops)-[0-9]{2,3}$", "ops-1", false),
    ("^(dev|ops)-[0-9]{2,3}$", "dev-1234", false), ("^a?b*c+$", "ccc", true), ("^a?b*c+$", "ab", false),
    ("(?i)^ADMIN", "administrator", true), (#"\bops\b"#, "the ops team", true), (#"\bops\b"#, "devops", false),
    (#"^\d+$"#, "12a", false), (#"^\D+$"#, "abc", true), ("^(?:ab)+$", "ababab", true), ("^(?P<x>ab)$", "ab", true),
    (#"^[\w-]+$"#, "a-b_c", true), (#"^[]a]+$"#, "]a", true), ("^ä+$", "ää", true), ("", "anything", true),
    ("a{,2}$", "aa", true), ("^a{2}$", "aaa", false), ("^a+?$", "aaa", true), (#"^\x41$"#, "A", true),
    ("{x}", "a{x}b", true), ("(a*)*b", "aaab", true), ("^(a|b|)*$", "abab", true),
  ])
  func search(pattern: String, text: String, matches: Bool) throws {
    var steps = LinearPattern.stepsMax
    #expect(try LinearPattern(pattern).matches(text, steps: &steps) == matches)
  }

  @Test(arguments: [
    "(", ")", "a(?=b)", "(?<!a)b", #"(a)\1"#, "[a", "[z-a]", "*a", "a**", #"a\"#, "a{3,2}", "a{5000}", #"\q"#,
    "(?i:a)b",
    "((((a{100}){100}){100}){100}){100}", "((((((){1000}){1000}){1000}){1000}){1000})", #"\x4"#,
    String(repeating: "(", count: 60) + String(repeating: ")", count: 60), String(repeating: "a", count: 1025),
  ])
  func refused(pattern: String) {
    #expect(throws: LinearPattern.Refused.self) { try LinearPattern(pattern) }
  }

  /// What makes other engines try 2^n ways takes steps in proportion to the text here.
  @Test(arguments: ["^(a+)+$", "^(a|a)*$", "^(a|aa)+$", "(.*a){20}$"])
  func noCatastrophe(pattern: String) throws {
    let compiled = try LinearPattern(pattern)
    func steps(_ length: Int) throws -> Int {
      var steps = LinearPattern.stepsMax
      #expect(try !compiled.matches(String(repeating: "a", count: length) + "!", steps: &steps))
      return LinearPattern.stepsMax - steps
    }
    let (short, long) = (try steps(200), try steps(2000))
    #expect(long < short * 11)
  }

  @Test func textsAreBounded() throws {
    var steps = LinearPattern.stepsMax
    let long = String(repeating: "a", count: LinearPattern.textMax + 1)
    #expect(try !LinearPattern("a").matches(long, steps: &steps))
    var few = 100
    #expect(throws: LinearPattern.TooMuch.self) {
      try LinearPattern("^a+b").matches(String(repeating: "a", count: 4000), steps: &few)
    }
  }
}
