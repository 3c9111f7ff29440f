/// One run from its beginning to its end.
///
/// `@unchecked Sendable`: everything of the simulation runs on its one thread.
final class Story: @unchecked Sendable {
  private let world: World
  var isOver = false

  init(world: World) { self.world = world }

  func run() async throws {
    let (tenants, image) = try await world.setUp()
    world.note("\(world.hosts.count) nodes are up")
    world.begin()
    await withDiscardingTaskGroup { group in
      for tenant in tenants {
        let users = Users(
          world: world, tenant: tenant, image: image, serversMax: max(1, world.plan.servers / tenants.count))
        for _ in 0..<world.plan.usersPerProject { group.addTask { await users.live() } }
      }
      let fate = Fate(world: world)
      group.addTask { await fate.live() }
      group.addTask { [world] in
        try? await world.pause(seconds: world.plan.seconds...world.plan.seconds)
        world.end()
      }
    }
    world.calm()
    let rest = Rest(world: world, tenants: tenants)
    await rest.wait("at rest") { await rest.settled() }
    if world.failures.isEmpty { try await rest.deleteEverything() }
    await rest.wait("a clean slate") { await rest.cleanSlate() }
  }
}
