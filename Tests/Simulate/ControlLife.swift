import Auth
import Converge
import Explain
import Foundation
import Kit
import Logging
import Store

@testable import Cloud
@testable import NodeLink

/// One life of the control process over the store's disk.
///
/// `@unchecked Sendable`: everything of the simulation runs on its one thread.
final class ControlLife: @unchecked Sendable {
  let number: Int
  let life = Life()
  /// There once it serves.
  private(set) var services: Services?
  private let world: World

  init(number: Int, world: World) {
    self.number = number
    self.world = world
  }

  /// Starts it; it serves after a while. Where the store fails it, it ends, and the next life tries again.
  func start() {
    let task = Task.detached { [self] in
      do { try await run() } catch {
        if life.isOver { return }
        world.note("control \(number) cannot go on: \(error)")
        world.controlDies()
      }
    }
    life.atEnd { task.cancel() }
  }

  private func run() async throws {
    let logger = world.logger("control")
    let store = SimulatedStore(world: world, life: life)
    try await store.claim(cloudID: world.settings.cloudID, epoch: world.settings.epoch)
    let made = try await Services(state: world.state, settings: world.settings, store: store, logger: logger)
    try await made.bootstrap(state: world.state, settings: world.settings)
    try life.check()
    services = made
    world.note("control \(number) serves")
    let loop = ConvergeLoop(made.convergers, store: store, logger: logger)
    await withDiscardingTaskGroup { group in
      group.addTask { await made.link.watch() }
      group.addTask { await loop.run() }
      group.addTask { await made.explain.run() }
    }
  }
}
