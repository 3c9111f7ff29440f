import CSimulation
import NodeLink

/// The way between one node and control: it delays, loses, stalls and is cut.
///
/// `@unchecked Sendable`: everything of the simulation runs on its one thread.
final class Wire: @unchecked Sendable {
  struct Cut: Error {}

  /// Nothing passes, and both ends know it at once.
  private(set) var isCut = false
  /// Nothing passes, and nobody is told.
  private(set) var isStalled = false
  /// Milliseconds of a crossing.
  var latency = 1...3
  private var pipes: [Int: Pipe] = [:]
  private let world: World

  init(world: World) { self.world = world }

  func cut() {
    isCut = true
    breakPipes()
  }

  /// Both ends give up what they heard nothing of for as long as a link waits, and not before.
  func stall() {
    guard !isStalled else { return }
    isStalled = true
    let silent = Array(pipes.values)
    Task.detached { [world] in
      await world.patientPause(milliseconds: LinkLimit.silenceSecondsMax * 1000...LinkLimit.silenceSecondsMax * 1000)
      if self.isStalled { for pipe in silent.sorted(by: { $0.number < $1.number }) { pipe.fail(Cut()) } }
    }
  }

  func mend() {
    (isCut, isStalled) = (false, false)
    for number in pipes.keys.sorted() { pipes[number]?.ring() }
  }

  /// Ends every open stream.
  func breakPipes() {
    for number in pipes.keys.sorted() { pipes[number]?.fail(Cut()) }
    pipes = [:]
  }

  func add(_ pipe: Pipe) { pipes[pipe.number] = pipe }
  func remove(_ pipe: Pipe) { pipes[pipe.number] = nil }

  /// One crossing of one message. Throws where the way is cut, or nothing was heard for as long as a link waits.
  func cross() async throws {
    try await world.pause(milliseconds: latency)
    let began = simulation_now()
    while isStalled {
      guard simulation_now() - began < Int64(LinkLimit.silenceSecondsMax) * 1_000_000_000 else { throw Cut() }
      try await world.pause(milliseconds: 500...1500)
    }
    if isCut { throw Cut() }
  }
}

/// The stream from control to a node: bytes in order, bounded, until one side ends it.
///
/// `@unchecked Sendable`: everything of the simulation runs on its one thread.
final class Pipe: @unchecked Sendable {
  /// Pieces that may be under way; whoever writes more waits.
  private static let piecesMax = 8

  let number: Int
  private let wire: Wire
  private let world: World
  private var pieces: [[UInt8]] = []
  private var end: (any Error)?
  private var finished = false
  private var waiting: [CheckedContinuation<Void, Never>] = []

  init(number: Int, wire: Wire, world: World) {
    self.number = number
    self.wire = wire
    self.world = world
    wire.add(self)
  }

  /// Wakes whoever waits at either end.
  func ring() {
    let woken = waiting
    waiting = []
    for continuation in woken { continuation.resume() }
  }

  private func wait() async { await withCheckedContinuation { waiting.append($0) } }

  func fail(_ error: any Error) {
    if end == nil { end = error }
    pieces = []
    wire.remove(self)
    ring()
  }

  func finish() {
    finished = true
    wire.remove(self)
    ring()
  }

  /// Takes the bytes over. A stalled way holds the writer back and says nothing.
  func write(_ bytes: [UInt8]) async throws {
    while pieces.count >= Self.piecesMax, end == nil { await wait() }
    if let end { throw end }
    if world.losesMessage() {
      fail(Wire.Cut())
      throw Wire.Cut()
    }
    pieces.append(bytes)
    ring()
  }

  /// The next bytes; nil at the end. Throws where the stream broke.
  func read() async throws -> [UInt8]? {
    while true {
      if let end { throw end }
      if !wire.isStalled {
        if !pieces.isEmpty {
          let bytes = pieces.removeFirst()
          ring()
          try await world.pause(milliseconds: wire.latency)
          return bytes
        }
        if finished { return nil }
      }
      await wait()
    }
  }
}
