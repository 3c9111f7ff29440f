import Foundation
import Testing

@testable import Kit

/// The parser against Foundation's, which it takes the place of.
struct JSONParserTests {
  private func reference(_ text: String) -> JSONValue? {
    try? JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
  }

  @Test(arguments: [
    "null", "true", " false ", "0", "-0", "1", "-1", "9223372036854775807", "-9223372036854775808", "1.0", "1.5",
    "1e2", "1E+2", "-2.5e-3", "9223372036854775808", "1e300", #""""#, #""a""#, #""é€𝄞""#,
    #""\u00e9\u20AC\ud834\uDD1E""#,
    #""\"\\\/\b\f\n\r\t""#, "[]", "[ ]", "[1,\n2\t,\r3]", "{}", "{ }", #"{"a":1,"b":[{"c":null}],"":true}"#,
    #"{"a" : "x\ny" }"#, #"["\u0000"]"#, #"[[[[[[]]]]]]"#,
  ])
  func readsWhatIsJSON(text: String) throws {
    let value = try JSONValue(parsing: text)
    #expect(value == reference(text))
    #expect(try JSONValue(parsing: Array(text.utf8)) == value)
    #expect(try JSONValue(parsing: value.text) == value)
  }

  @Test(arguments: [
    "", " ", "nul", "nulll", "True", "01", "-", "+1", ".5", "1.", "1e", "1e+", "0x1", "NaN", "1e400", "'a'", #"""#,
    #""\x""#, #""\u12""#, #""\ud834""#, #""\ud834\u0041""#, #""\udd1e""#, "\"\n\"", "\"\u{0}\"", "[", "[1", "[1,]",
    "[,1]", "[1 2]", "{", #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#, "{a:1}", "{1:1}", "[]]", "1 2", "\u{b}1", "{\"a\":1}x",
    "\u{feff}1",
  ])
  func refusesWhatIsNot(text: String) {
    #expect(throws: DecodingError.self) { try JSONValue(parsing: text) }
  }

  @Test func refusesWhatIsNotUTF8() {
    for bytes in [
      [0x22, 0xff, 0x22], [0x22, 0xc0, 0x80, 0x22], [0x22, 0xed, 0xa0, 0x80, 0x22], [0x22, 0x5c, 0x6e, 0xe2, 0x22],
    ]
      as [[UInt8]]
    {
      #expect(throws: DecodingError.self) { try JSONValue(parsing: bytes) }
    }
  }

  @Test func depthIsBounded() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    _ = try JSONValue(parsing: nested(JSONParser.depthMax))
    #expect(throws: DecodingError.self) { try JSONValue(parsing: nested(JSONParser.depthMax + 1)) }
    #expect(throws: DecodingError.self) { try JSONValue(parsing: String(repeating: "[", count: 1_000_000)) }
    #expect(throws: DecodingError.self) { try JSONValue(parsing: String(repeating: #"{"a":"#, count: 100_000)) }
  }

  @Test func theLastOfTwoHolds() throws {
    #expect(try JSONValue(parsing: #"{"a":1,"a":2}"#)["a"] == .int(2))
  }
}
