import NodeLink

/// How a base image stands on this host.
enum BaseState: Sendable {
  case ready
  /// On its way; the server is woken when it is there or failed.
  case fetching
  case failed(ServerProblem)
}

/// How the ports of a server stand.
enum PortsState: Sendable {
  case ready
  /// Not looked at yet, or the network is being wired; the server is woken when that ends.
  case pending
  case failed(ServerProblem)
}

/// What a server's convergence needs of the agent around it.
protocol ServerHost: Sendable {
  /// Whether nobody has asked to delete the server meanwhile.
  func isAsked(serverID: String) async -> Bool
  func base(_ image: ServerSpec.BaseImage, for serverID: String) async -> BaseState
  /// Drops what is remembered of a base, so that the next try looks at the disk.
  func doubtBase(digest: String) async
  func ports(_ portIDs: [String], for serverID: String) async -> PortsState
  /// Which of a running guest's cards hang on a tap that is gone. `plugged` says since when this process knows them to
  /// be in, `instance` which life of the guest holds them.
  func loosePorts(_ portIDs: [String], plugged: ContinuousClock.Instant?, instance: String?) async -> [String]
  /// The port's card was plugged in anew.
  func replugged(portID: String) async
  /// Returns when the record is on the disk.
  func keep(_ record: ServerRecord, serverID: String) async throws
  /// Keeps the record now, and writes it when the disk lets us: for what is remembered, never for what is promised.
  func keepInTime(_ record: ServerRecord, serverID: String) async
  /// What is being done now, for the observation.
  func progress(_ step: String, serverID: String) async
  func trace(_ event: StepEvent) async
  /// Something of the server is not as asked, through nobody's asking.
  func drifted(_ field: DriftField, serverID: String, asked: String, found: String, done: String) async
}
