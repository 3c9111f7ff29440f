import API
import Auth
import Contracts
import Foundation
import Kit
import Logging
import NodeLink
import Store

/// `/explain/{subject}`: the story of one resource.
struct StoryRoutes {
  let context: ExplainContext

  /// Words that people use for a kind, and the kind.
  private static let kindAliases = ["node": "host", "floatingip": "floating_ip", "floating-ip": "floating_ip"]

  var routes: [Route] {
    [
      Route(.get, "/v1/explain/{subject}", Permission("haneul:explain", .projectReader), query: .strict(["kind"])) {
        try await explain($0)
      }
    ]
  }

  private enum Outcome: Sendable {
    case told(Telling)
    case several([Mention])
    case nothing
  }

  private func explain(_ call: Call) async throws -> Reply {
    let subject = try call.parameter("subject")
    let kind = try call.query["kind"].map(known)
    let principal = try call.principal()
    await context.log.flush()
    let outcome = try await context.store.read { [context] tx in
      try Self.tell(tx, context, subject, kind, principal)
    }
    switch outcome {
    case .nothing:
      let what = kind.map { "\($0.replacing("_", with: " "))" } ?? "resource"
      throw Fault.notFound("There is no \(what) \(subject.quoted) that you may see.")
    case .several(let mentions): return Self.ambiguous(subject, mentions)
    case .told(var telling):
      if let node = telling.pathNode { telling.path = await path(telling.subject.key.id, node) }
      let now = context.now()
      if call.wantsText { return .text(StoryText(telling: telling, now: now).text) }
      return .json { json in json.field("explain") { TellingJSON(telling: telling).write(&$0) } }
    }
  }

  private func known(_ text: String) throws -> String {
    let kind = Self.kindAliases[text] ?? text
    guard context.kinds.contains(kind) else {
      throw Fault.badRequest(
        "\(text.quoted) is no kind that can be explained; those are \(context.kinds.sorted().joined(separator: ", ")).")
    }
    return kind
  }

  private static func tell(
    _ tx: Transaction, _ context: ExplainContext, _ subject: String, _ kind: String?, _ principal: Principal
  ) throws -> Outcome {
    let builder = try StoryBuilder(tx, context, for: principal)
    let finder = Finder(context: context, principal: principal)
    let found = finder.explainable(try finder.resources(tx, subject), subject, kind: kind)
    if found.count > 1 { return .several(found) }
    if let one = found.first, let telling = try builder.telling(tx, one.key) { return .told(telling) }
    return try builder.past(tx, id: subject.lowercased(), kind: kind).map(Outcome.told) ?? .nothing
  }

  /// The text names more than one: the caller chooses.
  private static func ambiguous(_ subject: String, _ mentions: [Mention]) -> Reply {
    let message = "\(subject.quoted) names \(mentions.count) resources. Ask by id, or say the kind."
    return .json(409) { json in
      json.field("conflictingRequest") { json in
        json.field("code", 409)
        json.field("message", message)
        json.field("candidates", mentions) { json, mention in
          json.object { $0.mention(mention) }
        }
      }
    }
  }

  /// Asks the port's node for the way of its packets.
  private func path(_ port: String, _ node: Telling.Seen) async -> Telling.Path {
    guard node.isUp else {
      let heard = node.lastHeard.map { " It was heard last \($0.iso8601)." } ?? ""
      return .unknown("The host is away, so the way of its packets cannot be looked at.\(heard)")
    }
    do {
      let bytes = try await Self.within(ExplainContext.pathLimit) { [context] in
        try await context.pathQuery(node.nodeID, port)
      }
      guard let bytes else { return .unknown("The host has nothing to tell of this port.") }
      return .known(try JSONDecoder().decode(PacketPath.self, from: Data(bytes)))
    } catch is Late {
      return .unknown("The host did not answer within \(ExplainContext.pathLimit.components.seconds) seconds.")
    } catch let error as QueryError {
      return .unknown(Self.words(error))
    } catch {
      context.logger.warning("a packet path could not be had", metadata: ["port": "\(port)", "error": "\(error)"])
      return .unknown("The host's answer could not be read.")
    }
  }

  private static func words(_ error: QueryError) -> String {
    switch error {
    case .notConnected: "The host is not connected."
    case .tooMany: "Too many questions wait for hosts at present. Ask again."
    case .timedOut: "The host did not answer in time."
    case .failed: "The host could not look at this port."
    }
  }

  private struct Late: Error {}

  /// What `body` gives, or `Late` after a time. Both are cancelled when the other is first.
  private static func within<T: Sendable>(
    _ limit: Duration, _ body: @escaping @Sendable () async throws -> T
  ) async throws -> T {
    try await withThrowingTaskGroup(of: T.self) { group in
      group.addTask { try await body() }
      group.addTask {
        try await Task.sleep(for: limit)
        throw Late()
      }
      defer { group.cancelAll() }
      guard let first = try await group.next() else { throw Late() }
      return first
    }
  }
}
