import Foundation
import Synchronization

/// Stops a simulated node at one of its calls to the world, right before or right after it: from then on every call
/// fails, as if the process that makes them were dead, until the fuse is mended.
package final class Fuse: Sendable {
  package enum Side: String, Sendable, CaseIterable { case before, after }
  package struct Blown: Error {}

  private struct State {
    var calls: [String] = []
    var blowAt: (index: Int, side: Side)?
    var blown = false
    var onBlow: (@Sendable () -> Void)?
    /// Names of calls that wait, and how many wait in each.
    var held: Set<String> = []
    var waiting: [String: Int] = [:]
  }
  private let state = Mutex(State())

  package init() {}

  /// The calls that changed something, in order.
  package var calls: [String] { state.withLock { $0.calls } }
  package func count(_ name: String) -> Int { state.withLock { $0.calls.filter { $0 == name }.count } }
  package var isBlown: Bool { state.withLock { $0.blown } }

  /// Blows at the call with this number, counted from here. `onBlow` runs at that very moment.
  package func arm(at index: Int, _ side: Side, onBlow: @escaping @Sendable () -> Void) {
    state.withLock { state in
      state.calls = []
      state.blowAt = (index, side)
      state.onBlow = onBlow
    }
  }

  /// A new process: calls reach the world again.
  package func mend() {
    state.withLock { state in
      (state.blowAt, state.onBlow, state.blown) = (nil, nil, false)
    }
  }

  /// Calls of this name wait from now on, until they are let go.
  package func hold(_ name: String) { state.withLock { _ = $0.held.insert(name) } }
  package func letGo(_ name: String) { state.withLock { _ = $0.held.remove(name) } }
  /// How many calls of this name wait now.
  package func waiting(_ name: String) -> Int { state.withLock { $0.waiting[name] ?? 0 } }

  /// A call that only reads: fails where the process is dead, waits where it is held.
  package func read(_ name: String) async throws {
    await wait(name)
    if isBlown { throw Blown() }
  }

  /// A call that changes something.
  package func act<Result: Sendable>(_ name: String, _ body: () async throws -> Result) async throws -> Result {
    let index = try state.withLock { state in
      if state.blown { throw Blown() }
      state.calls.append(name)
      return state.calls.count - 1
    }
    try blow(index, .before)
    await wait(name)
    if isBlown { throw Blown() }
    let result = try await body()
    try blow(index, .after)
    return result
  }

  private func blow(_ index: Int, _ side: Side) throws {
    let onBlow = try state.withLock { state -> (@Sendable () -> Void)? in
      if state.blown { throw Blown() }
      guard let at = state.blowAt, at.side == side, at.index == index else { return nil }
      state.blown = true
      return state.onBlow
    }
    guard let onBlow else { return }
    onBlow()
    throw Blown()
  }

  /// As a call into a hung daemon: cancelling does not end it.
  private func wait(_ name: String) async {
    guard state.withLock({ $0.held.contains(name) }) else { return }
    state.withLock { $0.waiting[name, default: 0] += 1 }
    while state.withLock({ $0.held.contains(name) && !$0.blown }) {
      await withCheckedContinuation { continuation in
        DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(3)) { continuation.resume() }
      }
    }
    state.withLock { $0.waiting[name, default: 0] -= 1 }
  }
}
