import Foundation
import Kit
import NodeLink
import Store
import Testing

@testable import Explain

/// A traced request is followed to the manifest and to each step of a node.
struct StepSpanTests {
  private static let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

  private func spans(_ path: String) throws -> [JSONValue] {
    let text = try String(contentsOfFile: path, encoding: .utf8)
    return try text.split(separator: "\n").flatMap { line -> [JSONValue] in
      let resources = try JSONValue(parsing: String(line))["resourceSpans"]?.array ?? []
      return resources.flatMap { $0["scopeSpans"]?.array ?? [] }.flatMap { $0["spans"]?.array ?? [] }
    }
  }

  @Test func stepsStandBelowTheManifestAndThatBelowTheRequest() async throws {
    let fixture = try await Fixture()
    let folder = NSTemporaryDirectory() + "haneul-spans-" + Identifier.uuid()
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let tracer = Tracer(
      ratio: 0, resource: [("service.name", "test")],
      file: LineFile(path: folder + "/traces.json", bytesMax: 1 << 20, filesMax: 2))
    let (traced, untraced) = (Identifier.request(), Identifier.request())
    let own = try #require(tracer.begin(requestID: traced, traceparent: Self.trace))
    let key = ObjectKey(.server, Identifier.uuid())
    try await fixture.hold(.server, key.id, requestID: traced)
    let began = Timestamp.now()
    let steps = ["make_disk", "define_domain"].enumerated().map { place, step in
      StepEvent(
        key: key, requestID: traced, step: step, began: began.adding(seconds: Double(place)),
        ended: began.adding(seconds: Double(place) + 0.5), error: place == 1 ? "no" : nil)
    }
    let stranger = StepEvent(
      key: key, requestID: untraced, step: "make_disk", began: began, ended: began, error: nil)
    // The same report twice, as after a lost answer: nothing is told twice under another id.
    for _ in 0..<2 {
      try await fixture.store.write { tx in
        try StepSpans(tracer: tracer).tell(tx, node: Fixture.node, steps + [stranger])
      }
    }
    await tracer.flush()
    let all = try spans(folder + "/traces.json")
    let byID = Dictionary(all.map { ($0["spanId"]?.string ?? "", $0) }, uniquingKeysWith: { first, _ in first })
    #expect(all.allSatisfy { $0["traceId"] == "4bf92f3577b34da6a3ce929d0e0e4736" })
    #expect(
      Set(byID.values.compactMap { $0["name"]?.string }) == ["manifest server", "node make_disk", "node define_domain"])
    #expect(byID.count == 3)
    let manifest = try #require(byID.values.first { $0["name"] == "manifest server" })
    #expect(manifest["parentSpanId"]?.string == TraceContext.text(own.context.spanID))
    for step in byID.values where step["name"] != "manifest server" {
      #expect(step["parentSpanId"] == manifest["spanId"])
      #expect(step["status"]?["code"] == (step["name"] == "node define_domain" ? 2 : nil))
    }
  }
}
