import NIOCore

/// A connection as the keeper of its thread sees it.
protocol KeptConnection: AnyObject {
  /// Since when it waits for a whole request; nil while it has one.
  var idleSince: NIODeadline? { get }
  /// Whether an answer waits for its client to take it.
  var isWriting: Bool { get }
  func sweep(_ now: NIODeadline)
  func drain()
  func close()
}

/// What the connections of one thread share: used on that thread alone.
final class LoopKeeper {
  let loop: any EventLoop
  let executor: LoopExecutor
  var encoder = ReplyEncoder()
  /// Whether the listener is ending: each answer is its connection's last.
  private(set) var isDraining = false
  private var connections: [ObjectIdentifier: any KeptConnection] = [:]
  private var task: RepeatedTask?

  init(_ loop: any EventLoop) {
    self.loop = loop
    executor = LoopExecutor(loop)
  }

  /// Begins to look every second for what takes too long.
  func start() {
    let bound = NIOLoopBound(self, eventLoop: loop)
    task = loop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { _ in bound.value.sweep() }
  }

  func stop() { task?.cancel() }

  func add(_ connection: any KeptConnection) {
    connections[ObjectIdentifier(connection)] = connection
    if isDraining { connection.drain() }
  }

  func remove(_ connection: any KeptConnection) { connections[ObjectIdentifier(connection)] = nil }

  private func sweep() {
    let now = NIODeadline.now()
    for connection in Array(connections.values) { connection.sweep(now) }
  }

  /// Closes the connection that has been idle longest, where one is; a client that keeps it open for later must not
  /// keep others out.
  func makeRoom() -> Bool {
    let idle = connections.values.compactMap { connection in connection.idleSince.map { (connection, $0) } }
    guard let oldest = idle.min(by: { $0.1 < $1.1 }) else { return false }
    oldest.0.close()
    return true
  }

  /// Memory for answers has run out: ends every connection whose client does not take its own at this moment.
  func cutStalled() {
    for connection in Array(connections.values) where connection.isWriting { connection.close() }
  }

  /// Takes memory for a piece of an answer, from those who do not take theirs where nothing else is left. False where
  /// there is none.
  func charge(_ bytes: Int, to answers: Budget) -> Bool {
    if answers.take(bytes) { return true }
    cutStalled()
    return answers.take(bytes)
  }

  func drain() {
    isDraining = true
    for connection in Array(connections.values) { connection.drain() }
  }

  func closeAll() { for connection in Array(connections.values) { connection.close() } }
}
