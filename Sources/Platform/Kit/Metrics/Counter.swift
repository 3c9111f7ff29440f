import Synchronization

/// A number that only grows, from zero at the start of the process. Counting costs an atomic addition, no lock.
public final class Counter: Sendable {
  private let value = Atomic<Int>(0)

  public init() {}

  public func add(_ amount: Int = 1) { value.wrappingAdd(amount, ordering: .relaxed) }

  public var count: Int { value.load(ordering: .relaxed) }
}

/// A number that goes up and down: what is in flight, what waits.
public final class Gauge: Sendable {
  private let value = Atomic<Int>(0)

  public init() {}

  public func add(_ amount: Int) { value.wrappingAdd(amount, ordering: .relaxed) }
  public func set(_ number: Int) { value.store(number, ordering: .relaxed) }

  public var number: Int { value.load(ordering: .relaxed) }
}
