import Foundation
import Logging
import Synchronization
import Testing

@testable import Kit

struct LogTests {
  private final class Lines: Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }
    func take(_ bytes: [UInt8]) { lines.withLock { $0.append(String(decoding: bytes, as: UTF8.self)) } }
  }

  private func logger(_ form: StructuredLog.Form, _ lines: Lines) -> Logger {
    Logger(label: "unit") { StructuredLog(label: $0, form: form) { lines.take($0) } }
  }

  @Test func aLineIsOneObjectThatNamesTheRequest() throws {
    let lines = Lines()
    let scope = RequestScope(requestID: Identifier.request(), globalRequestID: Identifier.request())
    scope.isAsked(byUser: "u1", name: "anna", project: "p1")
    RequestScope.$current.withValue(scope) {
      logger(.json, lines).warning("it\nbroke", metadata: ["error": "a \"word\"", "level": "mine"])
    }
    let line = try #require(lines.all.first)
    #expect(line.hasSuffix("\n") && line.dropLast().allSatisfy { $0 != "\n" })
    let json = try JSONValue(parsing: line)
    let wanted = [
      "level": "warning", "label": "unit", "message": "it\nbroke", "error": "a \"word\"",
      "request_id": scope.requestID, "global_request_id": scope.globalRequestID, "user_id": "u1", "user": "anna",
      "project_id": "p1",
    ]
    for (name, value) in wanted { #expect(json[name]?.string == value, "\(name)") }
    #expect(json["time"]?.string.flatMap { Timestamp(iso8601: $0) } != nil)
    #expect(json["trace_id"] == nil)
  }

  @Test func outsideOfRequestsNoRequestIsNamed() throws {
    let lines = Lines()
    logger(.json, lines).info("up")
    #expect(try JSONValue(parsing: lines.all[0])["request_id"] == nil)
  }

  @Test func textForPeopleIsOneLineToo() {
    let lines = Lines()
    logger(.text, lines).error("it\nbroke", metadata: ["b": "two words", "a": "x\u{1b}[31m"])
    #expect(lines.all.count == 1 && lines.all[0].filter { $0 == "\n" }.count == 1)
    #expect(lines.all[0].contains(#"error unit: it broke a="#) && lines.all[0].contains(#"b="two words""#))
    #expect(!lines.all[0].contains("\u{1b}"))
  }

  @Test func whatStrangersSendIsCut() {
    let lines = Lines()
    logger(.json, lines).info("x", metadata: ["path": "\(String(repeating: "a", count: 1_000_000))"])
    #expect(lines.all[0].utf8.count < 6000)
  }

  private static let token = "gAAAAABlZm9v" + String(repeating: "Ab1-_", count: 30) + "=="

  @Test(arguments: [
    "token \(token) of x", "/v3/auth/tokens/\(token)", "postgres://haneul:hunter2-x@127.0.0.1/db refused",
    #"{"password": "hunter2-x"}"#, "password=hunter2-x host=y", "X-Auth-Token: hunter2-x", "adminPassword: hunter2-x",
    "secret=hunter2-x", "PASSWD=hunter2-x",
  ])
  func secretsDoNotShow(text: String) {
    let clean = Scrubbed.text(text)
    #expect(!clean.contains("hunter2") && !clean.contains("gAAAA"), "\(clean)")
    #expect(clean.contains("‹secret›"))
  }

  @Test(arguments: [
    "", "the password is wrong", "user locked out", "GET /compute/v2.1/servers/detail", "http://host:8700/identity/v3",
    "gAAAA", "a token is needed", "no secret",
  ])
  func whatIsNoSecretStays(text: String) { #expect(Scrubbed.text(text) == text) }

  private func folder() throws -> String {
    let path = NSTemporaryDirectory() + "haneul-lines-" + Identifier.uuid()
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return path
  }

  @Test func filesOfLinesAreBoundedAndKeepTheNewest() async throws {
    let folder = try folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let file = LineFile(path: folder + "/x.log", bytesMax: 1000, filesMax: 3, durable: true)
    for number in 0..<400 {
      file.append(Array("line \(number)".utf8))
      if number % 20 == 0 { await file.flush() }
    }
    await file.flush()
    let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    #expect(names == ["x.log", "x.log.1", "x.log.2"])
    let texts = try ["x.log.2", "x.log.1", "x.log"].map {
      try String(contentsOfFile: folder + "/" + $0, encoding: .utf8)
    }
    #expect(texts.allSatisfy { $0.utf8.count <= 1000 })
    // Nothing is missing between the oldest that is kept and the newest.
    let kept = texts.joined().split(separator: "\n")
    #expect(kept.last == "line 399")
    #expect(kept.map(String.init) == (400 - kept.count..<400).map { "line \($0)" })
    let mode = try FileManager.default.attributesOfItem(atPath: folder + "/x.log")[.posixPermissions] as? Int
    #expect(mode.map { $0 & 0o137 } == 0)
    #expect(file.dropped.count == 0 && file.taken.count == 400)
  }

  @Test func aFileGoesOnWhereItWas() async throws {
    let folder = try folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for word in ["one", "two"] {
      let file = LineFile(path: folder + "/x.log", bytesMax: 1000, filesMax: 2)
      file.append(Array(word.utf8))
      await file.flush()
    }
    #expect(try String(contentsOfFile: folder + "/x.log", encoding: .utf8) == "one\ntwo\n")
  }

  @Test func aDiskThatRefusesCostsLinesAndNothingElse() async throws {
    let folder = try folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let file = LineFile(path: folder + "/not-there/x.log", bytesMax: 1000, filesMax: 2)
    file.append(Array("lost".utf8))
    await file.flush()
    #expect(file.dropped.count == 1)
    try FileManager.default.createDirectory(atPath: folder + "/not-there", withIntermediateDirectories: true)
    file.append(Array("kept".utf8))
    await file.flush()
    #expect(try String(contentsOfFile: folder + "/not-there/x.log", encoding: .utf8) == "kept\n")
  }
}
