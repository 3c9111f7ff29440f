import NIOCore

/// Writes answers to a client. Used on its connection's thread.
protocol AnswerTaker: AnyObject, SendableMetatype {
  /// Writes an answer, or the head of one that is streamed; dropped where the exchange `number` is over.
  func answer(_ reply: Reply, to number: Int)
  /// A piece of a streamed answer: done when the client has room for more; nil where the exchange is over.
  func write(_ bytes: [UInt8], of number: Int) -> EventLoopFuture<Void>?
  /// A streamed answer is over. Where it is not what its head said, the client must see it broken.
  func endStream(of number: Int, length: Int?, isWhole: Bool)
}

/// Brings an answer from the task that made it to its connection's thread.
struct Delivery<Taker: AnswerTaker>: Sendable {
  let bound: NIOLoopBound<Taker>
  let loop: any EventLoop
  let number: Int

  func deliver(_ reply: Reply) async {
    if loop.inEventLoop {
      bound.value.answer(reply, to: number)
    } else {
      loop.execute { bound.value.answer(reply, to: number) }
    }
    guard case .stream(_, let length, let write) = reply.body else { return }
    var isWhole = true
    do {
      // It may read a disk for each piece: not on the connection's thread.
      try await withTaskExecutorPreference(globalConcurrentExecutor) { try await write { try await piece($0) } }
    } catch {
      isWhole = false
    }
    loop.execute { [isWhole] in bound.value.endStream(of: number, length: length, isWhole: isWhole) }
  }

  private func piece(_ bytes: [UInt8]) async throws {
    try await loop.flatSubmit {
      bound.value.write(bytes, of: number) ?? loop.makeFailedFuture(ChannelError.ioOnClosedChannel)
    }.get()
  }
}
