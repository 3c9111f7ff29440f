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

  /// Whatever stands where in a string, in words of eight bytes and at their ends: it reads back as it was.
  @Test func everyCharacterSurvivesAtEveryPlace() throws {
    let specials = (0..<0x20).compactMap(Unicode.Scalar.init).map(String.init) + ["\"", "\\", "ü", "€", "🦌", "\u{7f}"]
    for special in specials {
      for place in 0...17 {
        let text = String(repeating: "a", count: place) + special + String(repeating: "b", count: 17 - place)
        var writer = JSONWriter(capacity: 1)
        writer.object {
          $0.field(text, text)
          $0.field("two", text, special)
        }
        let value = try JSONValue(parsing: writer.bytes)
        #expect(value[text]?.string == text)
        #expect(value["two"]?.string == text + special)
      }
    }
  }

  @Test func chunksGoOnWhereTheyEnded() throws {
    var writer = JSONWriter()
    writer.beginArray()
    var bytes: [UInt8] = []
    for number in 0..<1000 {
      writer.element()
      writer.value("element \(number)")
      if number % 7 == 0 { bytes += writer.takeBytes() }
    }
    writer.endArray()
    bytes += writer.takeBytes()
    #expect(writer.bytes.isEmpty)
    #expect(try JSONValue(parsing: bytes).array?.compactMap(\.string) == (0..<1000).map { "element \($0)" })
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
