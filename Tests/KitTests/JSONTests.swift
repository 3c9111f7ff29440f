import Kit
import Testing

struct JSONTests {
  @Test func writerKeepsNullsAndEscapes() {
    var writer = JSONWriter()
    writer.object {
      $0.field("a", nil as String?)
      $0.field("b", "tab\t \"quoted\" \u{1}\\ ü")
      $0.field("c", [1, 2]) { $0.value($1) }
      $0.field("d") { $0.field("e", true) }
      $0.field("f", [String]())
    }
    #expect(
      String(decoding: writer.bytes, as: UTF8.self)
        == #"{"a":null,"b":"tab\t \"quoted\" \u0001\\ ü","c":[1,2],"d":{"e":true},"f":[]}"#)
  }

  @Test func valueRoundTrips() throws {
    let text = #"{"array":[1,2.5,"x",null,true],"object":{}}"#
    #expect(try JSONValue(parsing: text).text == text)
  }

  @Test(arguments: ["", "{", "nul", "{\"a\":}", "\u{7f}"])
  func refusesWhatIsNoJSON(text: String) { #expect(throws: (any Error).self) { try JSONValue(parsing: text) } }

  @Test func deepNestingIsRefusedNotFatal() {
    let deep = String(repeating: "[", count: 100_000)
    #expect(throws: (any Error).self) { try JSONValue(parsing: deep) }
  }
}
