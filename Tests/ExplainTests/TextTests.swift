import Contracts
import Kit
import NodeLink
import Testing

@testable import Explain

/// What people read.
struct TextTests {
  private static let evil = "web\u{1b}[2J\r\nFAULT  \u{202e}gnp.exe\u{7f}"

  /// A port with something to tell in every part.
  private func rich(_ fixture: Fixture, name: String) async throws -> String {
    let request = Identifier.request()
    let id = fixture.shelf.put("port", name, status: "DOWN") { story in
      story.asked = [.init("addresses", (1...30).map { "10.0.0.\($0)" }.joined(separator: ", "))]
      story.actions = [
        .init(
          name: "create", requestID: request, userID: "u-demo", began: fixture.now.adding(seconds: -90),
          ended: fixture.now.adding(seconds: -80), message: name, failed: true),
        .init(
          name: "reboot", requestID: Identifier.request(), userID: nil, began: fixture.now.adding(seconds: -5),
          ended: nil, message: nil, failed: false),
      ]
      story.missing = [
        .init(what: "NotWired", why: String(repeating: "word ", count: 60), since: fixture.now, attempts: 3)
      ]
      story.fault = .init(code: 500, message: "It broke: " + String(repeating: "because ", count: 30), at: fixture.now)
      story.next = ["It goes on."]
      story.rules = ["in IPv4 tcp 22 (default)", "out IPv4 anything (default)"]
      story.related = [.init("network", .init("network", Identifier.uuid()), name: name)]
    }
    let key = ObjectKey(.port, id)
    let generation = try await fixture.hold(.port, id)
    try await fixture.report(
      [Observation(key: key, generation: generation, ready: false)],
      events: (0..<50).map { number in
        StepEvent(
          key: key, requestID: request, step: "make_devices", began: fixture.now.adding(seconds: Double(number)),
          ended: fixture.now.adding(seconds: Double(number) + 0.012), error: number == 49 ? name : nil)
      },
      drift: [Fixture.finding(key.description, .tap, key: key, found: name)])
    fixture.paths.set(
      .path(
        PacketPath(hops: [
          .init(
            kind: "tap", name: "habcdt1a2b3c4d5", state: "up, in bridge habcdb1a2b3c4d5, mtu 1500", passes: true,
            packets: 1_234_567, bytes: 1_234_567_890, drops: ["source MAC: 12"])
        ])))
    return id
  }

  @Test func everyPartIsThereAndFitsTheScreen() async throws {
    let fixture = try await Fixture()
    let id = try await rich(fixture, name: "eth")
    let text = await fixture.text("/explain/\(id)")
    for part in [
      "port eth  DOWN\nIt is in error", "FAULT", "NOT AS ASKED", "NEXT", "ASKED", "OBSERVED", "PACKETS", "HISTORY",
      "STEPS", "RELATED", "3 attempts", "GOES ON", "FAILED after 10 s", "by demo", "by the cloud itself",
      "in IPv4 tcp 22 (default)", "12 ms", "source MAC: 12", "host-one (up, heard", "next: ", "port.tap",
      "the last 40 of 50",
    ] { #expect(text.contains(part), "\(part)\n\(text)") }
    let wide = text.split(separator: "\n").filter { $0.count > TextPage.width }
    #expect(wide.isEmpty)
    #expect(!text.contains("\n\n\n") && !text.contains(" \n"))
    #expect(text.hasSuffix("\n"))
  }

  /// A terminal obeys what it is shown: names are only shown.
  @Test func namesCannotMoveTheCursor() async throws {
    let fixture = try await Fixture()
    let id = try await rich(fixture, name: Self.evil)
    for text in [
      await fixture.text("/explain/\(id)"), await fixture.text("/whatis/\(id)"), await fixture.text("/drift"),
    ] {
      let scalars = text.unicodeScalars.filter { $0 != "\n" }
      #expect(scalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f && $0.properties.generalCategory != .format })
      // No line of its own making.
      #expect(!text.contains("\nFAULT  gnp"))
    }
  }

  @Test func listsFitTheScreenToo() async throws {
    let fixture = try await Fixture()
    let stranger = ObjectKey(.securityGroup, Identifier.uuid())
    try await fixture.report(drift: [
      Fixture.finding(
        stranger.description, .unknownObject, key: stranger, found: String(repeating: "long ", count: 50)),
      Fixture.finding("bridge br0", .foreignBridge, settled: fixture.now.adding(seconds: 3)),
    ])
    for path in ["/drift", "/drift?open=true", "/drift/policies", "/quarantine", "/explain/host-one"] {
      let text = await fixture.text(path)
      #expect(!text.isEmpty && text.split(separator: "\n").allSatisfy { $0.count <= TextPage.width }, "\(text)")
    }
    let all = await fixture.text("/drift")
    #expect(all.contains("OPEN  host.unknown_object (report)") && all.contains("took          3.0 s"))
    #expect(await fixture.text("/drift?open=true").contains("br0") == false)
  }

  @Test func nothingToTellIsSaid() async throws {
    let fixture = try await Fixture()
    #expect(await fixture.text("/drift?open=true").hasPrefix("No open drift"))
    #expect(await fixture.text("/quarantine").hasPrefix("Nothing is in quarantine"))
  }

  @Test(arguments: [
    (0.0, "0 ms"), (0.0123, "12 ms"), (1.26, "1.2 s"), (59, "59 s"), (119.9, "119 s"), (120, "2 min"),
    (7300, "2 h"), (200_000, "2 days"),
  ])
  func spansReadWell(seconds: Double, text: String) { #expect(Clock.span(seconds) == text) }

  @Test func linesKeepTheirPlace() {
    var page = TextPage()
    page.line("  name      " + String(repeating: "word ", count: 30), hang: 10)
    #expect(page.lines.count == 2)
    #expect(page.lines[0].hasPrefix("  name      word word") && page.lines[1].hasPrefix("            word"))
    #expect(page.lines.allSatisfy { $0.count <= TextPage.width && $0.last != " " })
  }

  @Test func longWordsStandAlone() {
    var page = TextPage()
    page.row("label", String(repeating: "x", count: 150) + " and more")
    page.row("a label that is too long", "text")
    #expect(page.lines.count == 3)
    #expect(page.lines[1].hasSuffix("and more") && page.lines[2] == "a label that is too long text")
  }
}
