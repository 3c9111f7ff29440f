import Drivers
import Foundation
import Kit
import Logging
import NodeLink
import Simulation
import Synchronization
import Testing

@testable import Agent

/// One simulated host with its control: the agent can be killed and started again over the same disk and guests.
final class Host: Sendable {
  let cloudID: String
  let directory: String
  private let isTemporary: Bool
  let fuse = Fuse()
  let hypervisor: SimulatedHypervisor
  let dataplane: SimulatedDataplane
  let disks: SimulatedDisks
  let control: SimulatedControl
  let timing: AgentTiming

  /// `directory`: where the agent's disk is; nil: a folder that goes with this value.
  init(directory place: String? = nil, _ adjust: (inout AgentTiming) -> Void = { _ in }) throws {
    cloudID = Identifier.uuid()
    directory = place ?? NSTemporaryDirectory() + "haneul-agent-" + Identifier.uuid()
    isTemporary = place == nil
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    hypervisor = SimulatedHypervisor(fuse: fuse)
    dataplane = SimulatedDataplane(fuse: fuse)
    disks = SimulatedDisks(fuse: fuse)
    control = SimulatedControl(cloudID: cloudID, fuse: fuse)
    var timing = AgentTiming()
    timing.retryFirst = .milliseconds(20)
    timing.retryMax = .milliseconds(200)
    timing.reconnectFirst = .milliseconds(5)
    timing.reconnectMax = .milliseconds(20)
    timing.heartbeat = .milliseconds(200)
    timing.pressAgain = .milliseconds(50)
    adjust(&timing)
    self.timing = timing
  }

  deinit { if isTemporary { try? FileManager.default.removeItem(atPath: directory) } }

  // MARK: crashes

  private var journalPath: String { directory + "/manifest/journal" }

  /// What the disk holds at this moment.
  private let image = Mutex<Data?>(nil)

  /// Kills the agent at one of its calls to the world, as `kill -9` would: nothing it does after that counts.
  func armCrash(at index: Int, _ side: Fuse.Side) {
    fuse.arm(at: index, side) { self.image.withLock { $0 = FileManager.default.contents(atPath: self.journalPath) } }
  }

  /// Puts the disk back to what it was when the agent was killed, and lets the next agent reach the world.
  func mendCrash() throws {
    if let bytes = image.withLock({ $0 }) { try bytes.write(to: URL(fileURLWithPath: journalPath)) }
    fuse.mend()
  }

  private let present = Mutex<NodeAgent?>(nil)

  /// The agent that runs, or ran last.
  var agent: NodeAgent? { present.withLock { $0 } }

  /// Waits until the present agent has seen the server as asked in a pass that had nothing to do.
  func comesToRest(_ id: String) async throws {
    let key = ObjectKey(.server, id)
    guard let agent = present.withLock({ $0 }) else { return }
    try await eventually("the server is settled") {
      let generation = control.state.withLock { $0.generations[key] } ?? 0
      return await agent.manifest.isSettled(key, generation: generation)
    }
  }

  /// Runs an agent for as long as `body` takes, then ends it.
  func withAgent(bootID: String = "boot-1", _ body: (NodeAgent) async throws -> Void) async throws {
    var logger = Logger(label: "agent")
    logger.logLevel = .critical
    let agent = NodeAgent(
      nodeID: "node-1", cloudID: cloudID, directory: directory, hypervisor: hypervisor, dataplane: dataplane,
      disks: disks, link: control, hostBootID: bootID, timing: timing, logger: logger)
    present.withLock { $0 = agent }
    let task = Task { try await agent.run() }
    do {
      try await body(agent)
      task.cancel()
      try await task.value
    } catch {
      task.cancel()
      _ = try? await task.value
      throw error
    }
  }

  // MARK: things to ask for

  let networkID = Identifier.uuid()
  let digest = String(repeating: "ab", count: 32)

  func server(_ id: String, ports: [String] = [], _ adjust: (inout ServerSpec) -> Void = { _ in }) -> ObjectSpec {
    var spec = ServerSpec(
      id: id, projectID: "p", name: "s", vcpus: 1, memoryMiB: 128, power: .running, bootEpoch: 1,
      shutdownTimeoutSeconds: 60,
      rootDisk: .init(
        id: "disk-" + id, sizeBytes: 1 << 30,
        base: .init(digest: digest, format: "qcow2", sizeBytes: 64, virtualSizeBytes: 1 << 26), made: false),
      nics: ports.enumerated().map {
        .init(portID: $1, networkID: networkID, mac: "fa:16:3e:00:00:0\($0)", slot: 3 + $0, mtu: 1500)
      },
      configDrive: false,
      metadata: .init(
        metaData: #"{"uuid": "\#(id)", "public_keys": {"mykey": "ssh-ed25519 AAAA"}}"#,
        networkData: #"{"links": []}"#, vendorData: "{}", userDataBase64: Data("#!hello".utf8).base64EncodedString(),
        ec2: ["instance-id": "i-1", "public-keys/0/openssh-key": "ssh-ed25519 AAAA", "local-ipv4": "10.0.0.5"]),
      operation: nil)
    adjust(&spec)
    return .server(spec)
  }

  func network() -> ObjectSpec {
    .network(
      NetworkSpec(id: networkID, projectID: "p", mtu: 1500, external: false, subnets: [], dhcpPort: nil))
  }

  func port(_ id: String, server: String, address: String, network: String? = nil) -> ObjectSpec {
    .port(
      PortSpec(
        id: id, networkID: network ?? networkID, projectID: "p", deviceID: server, mac: "fa:16:3e:00:00:00",
        fixedIPs: [.init(subnetID: "s", address: address)], adminStateUp: true, portSecurityEnabled: true,
        allowedAddressPairs: [], securityGroupIDs: [], hostname: "h", extraDHCPOptions: []))
  }

  /// Asks for a server with one port on the network and waits until it runs.
  func bootServer() async throws -> (server: String, port: String) {
    let (id, portID) = askForServer()
    try await eventually("the server runs") { control.seen(.server, id)?.ready == true }
    try await comesToRest(id)
    return (id, portID)
  }

  /// Asks for a server with one port on the network.
  func askForServer() -> (server: String, port: String) {
    let (id, portID) = (Identifier.uuid(), Identifier.uuid())
    control.put(.network, networkID, network())
    control.put(.port, portID, port(portID, server: id, address: "10.0.0.5"))
    control.put(.server, id, server(id, ports: [portID]))
    return (id, portID)
  }

  /// A finding of this field that is over.
  func settled(_ field: DriftField, _ subject: String? = nil) -> DriftFinding? {
    control.drift(field).last { $0.settled != nil && (subject == nil || $0.subject == subject) }
  }
}

struct NeverCame: Error, CustomStringConvertible {
  var description: String
}

/// Waits for a condition, looking every two milliseconds.
func eventually(
  _ what: String, within seconds: Double = 30, _ condition: () async throws -> Bool
) async throws {
  let limit = ContinuousClock.now + .seconds(seconds)
  while try await !condition() {
    guard ContinuousClock.now < limit else { throw NeverCame(description: "not seen: \(what)") }
    try await Task.sleep(for: .milliseconds(2))
  }
}

/// Sees that a condition stays true for a while.
func always(_ what: String, for duration: Duration = .milliseconds(150), _ condition: () -> Bool) async throws {
  let limit = ContinuousClock.now + duration
  while ContinuousClock.now < limit {
    guard condition() else { throw NeverCame(description: "no longer so: \(what)") }
    try await Task.sleep(for: .milliseconds(5))
  }
}
