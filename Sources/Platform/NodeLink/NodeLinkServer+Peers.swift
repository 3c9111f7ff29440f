import Foundation
import Kit
import Logging
import Store

/// A question of one control to another, about a node whose stream that one has.
struct PeerQuery: Sendable, Codable {
  var node: String
  var subject: NodeQuery.Subject
}

/// What the other control got.
struct PeerAnswer: Sendable, Codable {
  /// Why it got nothing.
  enum Failure: String, Sendable, Codable {
    case notConnected, tooMany, timedOut, failed
  }
  var answer: NodeAnswer?
  var failure: Failure?

  /// Throws `QueryError` where the other control got no answer.
  func get(node: String) throws -> NodeAnswer {
    if let answer { return answer }
    switch failure {
    case .notConnected: throw QueryError.notConnected(node: node)
    case .tooMany: throw QueryError.tooMany
    case .timedOut: throw QueryError.timedOut
    case .failed, nil: throw QueryError.failed("The other control process could not ask the node.")
    }
  }
}

/// Several control processes on one store: each node speaks to one of them, and any of them may be asked about it.
extension NodeLinkServer {
  /// Asks a node. nil where there is nothing to give. Throws `QueryError`.
  public func query(node: String, _ subject: NodeQuery.Subject) async throws -> [UInt8]? {
    let answer = try await ask(node, subject)
    if let text = answer.bodyBase64 {
      guard let bytes = Data(base64Encoded: text) else { throw QueryError.failed("The answer is not base64.") }
      return Array(bytes)
    }
    if let error = answer.error { throw QueryError.failed(error) }
    return nil
  }

  /// By the node's own stream, or by the control that has it.
  private func ask(_ node: String, _ subject: NodeQuery.Subject) async throws -> NodeAnswer {
    guard let place, await !streams.has(node) else { return try await streams.query(node, subject) }
    guard let other = try await store.read({ try NodeStreamTable.find($0, node) }), other != place else {
      throw QueryError.notConnected(node: node)
    }
    let client = NodeLinkClient(socketPath: other, controlUID: UInt32(geteuid()), logger: logger)
    let result: Result<PeerAnswer, any Error>
    do { result = .success(try await client.ask(PeerQuery(node: node, subject: subject))) } catch {
      result = .failure(error)
    }
    try? await client.close()
    switch result {
    case .success(let answer): return try answer.get(node: node)
    case .failure(let error):
      // It was killed, and the node has not found its way here yet.
      logger.info("the control that had a node's stream does not answer", metadata: ["error": "\(error)"])
      throw QueryError.notConnected(node: node)
    }
  }

  /// Answers another control's question from this process's own streams; it is never passed on.
  func answer(_ query: PeerQuery) async -> PeerAnswer {
    do { return PeerAnswer(answer: try await streams.query(query.node, query.subject)) } catch QueryError.notConnected {
      return PeerAnswer(failure: .notConnected)
    } catch QueryError.tooMany { return PeerAnswer(failure: .tooMany) } catch QueryError.timedOut {
      return PeerAnswer(failure: .timedOut)
    } catch { return PeerAnswer(failure: .failed) }
  }

  /// Lets the other controls know that the node speaks to this one.
  func tellPeers(_ node: String) async throws {
    guard let place else { return }
    try await store.write { try NodeStreamTable.put($0, node, place: place) }
  }

  /// Lets them know that it does not any more.
  func untellPeers(_ node: String) async {
    guard let place else { return }
    do { try await store.write { try NodeStreamTable.remove($0, node, place: place) } } catch {
      // What is left there names a control that answers truly.
      logger.info("the end of a node's stream could not be noted", metadata: ["node": "\(node)", "error": "\(error)"])
    }
  }
}
