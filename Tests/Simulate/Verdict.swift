import CSimulation

/// What is said at the end of a run.
struct Verdict {
  /// Events that are told of a run that failed.
  private static let eventsTold = 120

  let world: World
  let commit: String

  /// Says it; returns what the process ends with.
  func say() -> Int32 {
    let plan = world.plan
    let digest = String(world.log.digest ^ simulation_digest(), radix: 16)
    let time = EventLog.time(simulation_now())
    let counts = world.counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    guard !world.failures.isEmpty else {
      print(
        "seed \(plan.seed) held: \(plan.nodes) nodes, \(time) simulated, \(simulation_jobs()) jobs, digest \(digest)")
      print("  \(counts), commits \(world.disk.commits)")
      return 0
    }
    print("seed \(plan.seed) FAILED at \(time), commit \(commit), digest \(digest)")
    print("  \(counts), commits \(world.disk.commits)")
    print("the last \(Self.eventsTold) events:")
    for line in world.log.last(Self.eventsTold) { print("  \(line)") }
    for failure in world.failures { print("FAILED: \(failure)") }
    print(
      "the same again: make simulate SEED=\(plan.seed) NODES=\(plan.nodes) SERVERS=\(plan.servers) "
        + "PROJECTS=\(plan.projects) SIMULATED_SECONDS=\(plan.seconds)")
    return 1
  }
}
