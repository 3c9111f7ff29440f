import Foundation
import Kit
import Store

/// Why a node gave no answer to a query.
public enum QueryError: Error, Sendable, Equatable {
  /// The node is not connected.
  case notConnected(node: String)
  /// `NodeStreams.queriesMax` wait already.
  case tooMany
  /// Nothing came within `NodeStreams.querySeconds`.
  case timedOut
  /// The node looked and could not; its own words.
  case failed(String)
}

/// The open streams, one a node, and the queries that wait for an answer.
actor NodeStreams {
  /// Queries that may wait at once.
  static let queriesMax = 64
  static let querySeconds = 10

  private struct Open {
    var number: Int
    var unsent: [NodeQuery] = []
    var wake: AsyncStream<Void>.Continuation
  }
  private var streams: [String: Open] = [:]
  private var waiting: [String: (node: String, continuation: CheckedContinuation<NodeAnswer, any Error>)] = [:]
  private var last = 0
  /// Follows the change feed as long as any stream is open.
  private var waker: Task<Void, Never>?
  private let store: any Store

  init(store: any Store) { self.store = store }

  /// A node opens a stream; an older one of the same node ends. What comes back wakes the stream's loop, and so does
  /// every change of the node's manifest from now on.
  func open(_ node: String) -> (number: Int, wakes: AsyncStream<Void>, wake: AsyncStream<Void>.Continuation) {
    let (wakes, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    if waker == nil {
      let (store, changes) = (store, store.feed.follow())
      waker = Task { await wakeStreams(store, changes) }
    }
    last += 1
    streams[node]?.wake.finish()
    streams[node] = Open(number: last, wake: wake)
    return (last, wakes, wake)
  }

  /// True where it was the node's newest stream: the node has none here any more.
  func close(_ node: String, _ number: Int) -> Bool {
    guard let stream = streams[node], stream.number == number else { return false }
    stream.wake.finish()
    streams[node] = nil
    if streams.isEmpty {
      waker?.cancel()
      waker = nil
    }
    return true
  }

  /// The node's stream looks for what changed.
  func wake(_ node: String) { streams[node]?.wake.yield() }

  func wakeAll() { for stream in streams.values { stream.wake.yield() } }

  func has(_ node: String) -> Bool { streams[node] != nil }

  /// Ends every other stream: their nodes come back and are told everything anew.
  func endAll(but number: Int) {
    for stream in streams.values where stream.number != number { stream.wake.finish() }
  }

  /// Queries to be sent down this stream.
  func takeQueries(_ node: String, _ number: Int) -> [NodeQuery] {
    guard streams[node]?.number == number else { return [] }
    defer { streams[node]?.unsent = [] }
    return streams[node]?.unsent ?? []
  }

  func query(_ node: String, _ subject: NodeQuery.Subject) async throws -> NodeAnswer {
    guard streams[node] != nil else { throw QueryError.notConnected(node: node) }
    guard waiting.count < Self.queriesMax else { throw QueryError.tooMany }
    let query = NodeQuery(id: Identifier.uuid(), subject: subject)
    let timeout = Task {
      guard (try? await Task.sleep(for: .seconds(Self.querySeconds))) != nil else { return }
      fail(query.id, QueryError.timedOut)
    }
    defer { timeout.cancel() }
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        waiting[query.id] = (node, continuation)
        streams[node]?.unsent.append(query)
        streams[node]?.wake.yield()
      }
    } onCancel: {
      Task { await fail(query.id, CancellationError()) }
    }
  }

  /// An answer came. One that nobody waits for any more is dropped.
  func answered(_ answer: NodeAnswer) {
    waiting.removeValue(forKey: answer.queryID)?.continuation.resume(returning: answer)
  }

  private func fail(_ id: String, _ error: any Error) {
    guard let entry = waiting.removeValue(forKey: id) else { return }
    streams[entry.node]?.unsent.removeAll { $0.id == id }
    entry.continuation.resume(throwing: error)
  }
}
