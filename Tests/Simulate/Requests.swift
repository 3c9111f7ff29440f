import API
import Foundation
import Kit

@testable import Cloud

/// What came back of a request.
struct Answer {
  var status: Int
  var token: String?
  var json: JSONValue

  var isGood: Bool { (200..<300).contains(status) }
}

extension World {
  /// A request to whatever control is there. nil: no answer came, and what became of it nobody knows.
  func ask(
    _ method: String, _ target: String, token: String?, _ body: String = "", type: String = "application/json"
  ) async -> Answer? {
    try? await pause(milliseconds: 1...5)
    guard let control, let services = control.services, !control.life.isOver else { return nil }
    let reply = await services.gateway.respond(
      to: RawRequest(
        method: method, target: target,
        headers: [("Content-Type", type)] + (token.map { [("X-Auth-Token", $0)] } ?? []),
        body: BodyStream(bytes: Array(body.utf8)), baseURL: settings.baseURL, remoteAddress: nil))
    var bytes: [UInt8] = []
    if case .bytes(let found, _) = reply.body { bytes = found }
    try? await pause(milliseconds: 1...5)
    guard !control.life.isOver else { return nil }
    count("request")
    count("answer \(reply.status)")
    if reply.status >= 500, reply.status != 503 {
      fail("\(method) \(target) was answered \(reply.status): \(String(decoding: bytes.prefix(300), as: UTF8.self))")
    }
    let text = String(decoding: bytes, as: UTF8.self)
    return Answer(
      status: reply.status, token: reply.headers.first { $0.name == "X-Subject-Token" }?.value,
      json: (text.isEmpty ? nil : try? JSONValue(parsing: text)) ?? .null)
  }

  /// The same until it is answered with success: for what must be there before anything is tried.
  func insist(
    _ method: String, _ target: String, token: String?, _ body: String = "", type: String = "application/json"
  ) async throws -> Answer {
    var last: Answer?
    for _ in 0..<50 {
      last = await ask(method, target, token: token, body, type: type)
      if let last, last.isGood { return last }
      try await pause(milliseconds: 200...400)
    }
    throw Hopeless(what: "\(method) \(target): \(last.map { "\($0.status) \($0.json)" } ?? "no answer")")
  }
}

/// The simulation itself could not be set up.
struct Hopeless: Error, CustomStringConvertible {
  var what: String
  var description: String { what }
}
