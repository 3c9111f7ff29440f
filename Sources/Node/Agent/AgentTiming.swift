/// The agent's clocks, in one place so that tests can turn them faster.
public struct AgentTiming: Sendable {
  /// How often everything is compared though nothing called for it.
  public var sweep: Duration = .seconds(30)
  public var heartbeat: Duration = .seconds(10)
  public var facts: Duration = .seconds(60)
  public var unusedBases: Duration = .seconds(600)
  /// The pause after a first failure; it doubles up to `retryMax`.
  public var retryFirst: Duration = .seconds(1)
  public var retryMax: Duration = .seconds(60)
  /// The pause after a lost link; it doubles up to `reconnectMax`.
  public var reconnectFirst: Duration = .milliseconds(100)
  public var reconnectMax: Duration = .seconds(5)
  /// How long observations wait for company before they are reported.
  public var coalesce: Duration = .milliseconds(5)
  /// A guest that did not hear the power button is asked again.
  public var pressAgain: Duration = .seconds(10)
  /// The least time between two looks at the network that only its own events asked for.
  public var networkEventGap: Duration = .milliseconds(500)
  /// How long the hypervisor may take to say how a guest is, before it counts as hung.
  public var lookPatience: Duration = .seconds(15)
  /// How long it may take to change something; detaching a card alone may wait 20 s for the guest.
  public var actPatience: Duration = .seconds(60)

  public init() {}
}
