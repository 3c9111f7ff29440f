import CSimulation
import Foundation

/// One whole cloud in this process under one seed: control's services, the nodes' agents, users and bad luck. Ends with
/// 0 where everything held and came to rest, with 1 and the story of what happened where not.
///
/// usage: simulate [--seed N] [--nodes N] [--servers N] [--projects N] [--seconds N] [--late PER-MILLE]
///   [--commit TEXT] [--calm] [--print]
@main
struct Simulate {
  /// 2026-01-01T00:00:00Z, in nanoseconds.
  private static let wall: Int64 = 1_767_225_600_000_000_000
  /// Jobs after which a run counts as gone in circles.
  private static let jobsMax: UInt64 = 2_000_000_000

  static func main() {
    alwaysTheSame()
    let arguments = Array(CommandLine.arguments.dropFirst())
    guard let plan = Arguments.plan(arguments) else {
      print("simulate: what is meant by \(arguments)?")
      exit(2)
    }
    exit(run(plan, commit: Arguments.text("--commit", arguments) ?? "unknown", prints: arguments.contains("--print")))
  }

  /// Sets and dictionaries must come in the same order, and things stand at the same addresses, in every run: both is
  /// decided when a program starts.
  private static func alwaysTheSame() {
    guard getenv("SWIFT_DETERMINISTIC_HASHING") == nil || simulation_fix_addresses() != 0 else { return }
    _ = simulation_fix_addresses()
    setenv("SWIFT_DETERMINISTIC_HASHING", "1", 1)
    // BoringSSL would ask the processor for random numbers.
    setenv("OPENSSL_ia32cap", "~0x4000000000000000", 1)
    var arguments = CommandLine.arguments.map { strdup($0) } + [nil]
    execv("/proc/self/exe", &arguments)
    print("simulate: cannot execute itself again")
    exit(2)
  }

  private static func run(_ plan: Plan, commit: String, prints: Bool) -> Int32 {
    let fast = FileManager.default.fileExists(atPath: "/dev/shm") ? "/dev/shm" : NSTemporaryDirectory()
    let directory = "\(fast)/haneul-simulate-\(getpid())"
    defer { try? FileManager.default.removeItem(atPath: directory) }
    simulation_begin(plan.seed, wall)
    guard let world = try? World(plan: plan, directory: directory) else {
      print("simulate: no world in \(directory)")
      return 2
    }
    world.log.prints = prints
    let story = Story(world: world)
    Task.detached {
      do { try await story.run() } catch { world.fail("\(error)") }
      story.isOver = true
    }
    while !story.isOver, world.failures.isEmpty {
      if simulation_step() == 0 {
        world.fail("everybody waits for ever")
      } else if simulation_jobs() > jobsMax {
        world.fail("it goes in circles")
      }
    }
    return Verdict(world: world, commit: commit).say()
  }
}

/// What a run is told on its command line.
enum Arguments {
  static func text(_ name: String, _ arguments: [String]) -> String? {
    guard let place = arguments.firstIndex(of: name), place + 1 < arguments.count else { return nil }
    return arguments[place + 1]
  }

  static func plan(_ arguments: [String]) -> Plan? {
    var plan = Plan()
    let numbers: [(String, WritableKeyPath<Plan, Int>)] = [
      ("--nodes", \.nodes), ("--servers", \.servers), ("--projects", \.projects), ("--seconds", \.seconds),
      ("--late", \.reportLate),
    ]
    for (name, path) in numbers where arguments.contains(name) {
      guard let value = text(name, arguments).flatMap({ Int($0) }), value > 0 else { return nil }
      plan[keyPath: path] = value
    }
    if arguments.contains("--seed") {
      guard let seed = text("--seed", arguments).flatMap({ UInt64($0) }) else { return nil }
      plan.seed = seed
    }
    plan.faults = !arguments.contains("--calm")
    return plan
  }
}
