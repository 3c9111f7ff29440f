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
  func base(_ image: ServerSpec.BaseImage, for serverID: String) async -> BaseState
  /// Drops what is remembered of a base, so that the next try looks at the disk.
  func doubtBase(digest: String) async
  func ports(_ portIDs: [String], for serverID: String) async -> PortsState
  /// Returns when the record is on the disk.
  func keep(_ record: ServerRecord, serverID: String) async throws
  /// What is being done now, for the observation.
  func progress(_ step: String, serverID: String) async
  func trace(_ event: StepEvent) async
}
