public import Drivers
import Foundation
import Kit
public import Logging
public import NodeLink

/// The agent of one host: holds the manifest, compares it with the host, acts, and reports what it sees.
///
/// Everything is driven by levels: a change of the manifest, an event of a driver and the clock all do the same, they
/// make the agent look again. Nothing here waits for a guest; without control it goes on with the manifest on its disk.
public actor NodeAgent {
  /// Passes over servers under way at once.
  static let serversAtOnce = 4
  /// Fetches of base images under way at once.
  static let basesAtOnce = 8
  /// Queries of control under way at once; more are refused.
  static let queriesAtOnce = 8
  /// Journal entries not on the disk yet; beyond that the stream from control is not read.
  static let unwrittenMax = 4096
  /// The longest piece of a console that is given out, in bytes.
  static let consoleBytesMax = 1024 * 1024

  let nodeID: String
  /// The cloud this node belongs to: another one's manifest is refused.
  let cloudID: String
  let bootID: String
  let hypervisor: PatientHypervisor
  let dataplane: any DataplaneDriver
  let disks: any DisksDriver
  let link: any ControlLink
  let timing: AgentTiming
  let logger: Logger
  let journal: ManifestJournal

  var manifest = HeldManifest()
  var unwritten: [JournalEntry] = []
  /// Whether the disk took what was written last.
  var journalWorks = true
  var outbox = Outbox()
  /// Removals whose tombstone is not on the disk yet.
  var unsaidRemovals: [ObjectKey: Observation] = [:]
  var retries = RetryLedger()
  var drift = DriftBook()
  /// Servers held when the agent started that it has not looked at yet.
  var unseenServers: Set<String> = []
  /// Domains with our mark that no manifest names, as of the last look around.
  var strangers: Set<String> = []
  var facts: NodeFacts?
  var unsaidFacts = false
  var heartbeatDue = false
  /// Whether the present stream's welcome was accepted.
  var connected = false
  /// The name of the present connection, and how many reports were sent on it: control takes none that comes late.
  var life = ""
  var reportsOfLife: Int64 = 0
  /// Control counts another life as this node's newest: the present one must end.
  var outlived = false
  /// Whose manifest the present stream carries.
  var offered: (cloudID: String, epoch: Int64)?
  /// Whether the manifest was received whole since the start.
  var synced = false
  /// Why the last manifest offered was refused.
  var refusal: String?
  var openQueries = 0

  var servers = WorkQueue()
  var moments: [String: ServerMoment] = [:]
  var timers: [String: Task<Void, Never>] = [:]
  var bases: [String: BaseEntry] = [:]
  var baseTasks: [String: Task<Void, Never>] = [:]

  var networkDirty = true
  var outcomes: [ObjectKey: PortOutcome] = [:]
  var serversAwaitingPorts: Set<String> = []
  var portIndex: PortIndex?
  /// When the last look at the network began, and which taps nobody held in it.
  var networkLook: NetworkLook?
  /// Ports whose tap was made again, and when: where a guest ran all the while, its card hangs on the old one.
  var remadeTaps: [String: ContinuousClock.Instant] = [:]
  /// Cards that seemed to hang loose in one look at the network: believed when a later one sees the same.
  var looseCards: [String: LooseCard] = [:]

  let serverSignal = Signal()
  let networkSignal = Signal()
  let reportSignal = Signal()
  let journalSignal = Signal()
  let lookAroundSignal = Signal()

  /// - Parameters:
  ///   - nodeID: what this host is called in the cloud.
  ///   - cloudID: the cloud this host belongs to; a manifest of another one is refused.
  ///   - directory: the agent's own directory, absolute; `manifest/` is made in it (0700).
  ///   - hostBootID: names this boot of the host; nil reads the kernel's.
  public init(
    nodeID: String, cloudID: String, directory: String, hypervisor: any HypervisorDriver,
    dataplane: any DataplaneDriver, disks: any DisksDriver, link: any ControlLink, hostBootID: String? = nil,
    timing: AgentTiming = AgentTiming(), logger: Logger
  ) {
    self.nodeID = nodeID
    self.cloudID = cloudID
    self.hypervisor = PatientHypervisor(hypervisor, timing: timing)
    self.dataplane = dataplane
    self.disks = disks
    self.link = link
    self.timing = timing
    self.logger = logger
    bootID = hostBootID ?? Self.kernelBootID()
    journal = ManifestJournal(directory: directory + "/manifest", logger: logger)
  }

  /// Works until the task is cancelled. Guests and the network stay as they are when it ends. Throws where the
  /// manifest on disk cannot be read or another agent holds it.
  public func run() async throws {
    manifest = try await journal.open()
    if manifest.bootID != bootID {
      manifest.begin(boot: bootID)
      write(.boot(id: bootID))
    }
    // The drivers are listened to before the first look, so that nothing falls between.
    let (domainEvents, networkEvents) = (hypervisor.events(), dataplane.events())
    unseenServers = Set(manifest.serverIDs)
    for id in manifest.serverIDs { servers.add(id) }
    // Everything raised before the loops listen stays raised.
    serverSignal.raise()
    networkSignal.raise()
    lookAroundSignal.raise()
    await withDiscardingTaskGroup { group in
      group.addTask { await self.writeJournal() }
      group.addTask { await self.followControl() }
      group.addTask { await self.followHypervisor(domainEvents) }
      group.addTask { await self.followDataplane(networkEvents) }
      group.addTask { await self.convergeNetwork() }
      group.addTask { await self.convergeServers() }
      group.addTask { await self.sendReports() }
      group.addTask { await self.serveMetadata() }
      group.addTask { await self.sweep() }
      group.addTask { await self.lookAround() }
      group.addTask { await self.followFreedCalls() }
      group.addTask { await self.beat() }
      group.addTask { await self.refreshFacts() }
      group.addTask { await self.removeUnusedBases() }
    }
    await windUp()
  }

  /// Why the manifest that control offers is refused (an older epoch, another cloud); nil where it is not.
  public var refusedManifest: String? { refusal }

  private func windUp() async {
    for task in timers.values { task.cancel() }
    for task in baseTasks.values { task.cancel() }
    (timers, baseTasks) = ([:], [:])
    if !unwritten.isEmpty { try? await journal.append(unwritten.compactMap(asOfNow)) }
    await journal.close()
  }

  private static func kernelBootID() -> String {
    let text = try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)
    return text?.trimmingCharacters(in: .whitespacesAndNewlines) ?? "unknown"
  }

  // MARK: the clock

  /// Compares everything now and then: an event may have been lost.
  private func sweep() async {
    while (try? await Task.sleep(for: timing.sweep)) != nil {
      lookAtEverything()
      lookAroundSignal.raise()
    }
  }

  func lookAtEverything() {
    networkDirty = true
    networkSignal.raise()
    for id in manifest.serverIDs { servers.add(id) }
    serverSignal.raise()
  }

  /// A call that hung has returned: its server, and those that were not asked about meanwhile, are looked at.
  private func followFreedCalls() async {
    for await _ in hypervisor.freed.stream {
      logger.info("the hypervisor answers again")
      retries.forgive(type: ServerProblem.hypervisorUnavailable)
      lookAtEverything()
      lookAroundSignal.raise()
    }
  }

  private func followHypervisor(_ events: AsyncStream<DomainEvent>) async {
    for await event in events {
      if let id = event.serverID {
        if manifest.objects[ObjectKey(.server, id)] != nil { servers.add(id) } else { lookAroundSignal.raise() }
      } else {
        for id in manifest.serverIDs { servers.add(id) }
        lookAroundSignal.raise()
      }
      serverSignal.raise()
    }
  }

  private func followDataplane(_ events: AsyncStream<Void>) async {
    for await _ in events {
      networkDirty = true
      networkSignal.raise()
      // Our own changes cause events too: look again, but not in a tight circle.
      guard (try? await Task.sleep(for: timing.networkEventGap)) != nil else { return }
    }
  }

  /// Bases that nothing stands on go after a while, but never before control has said what is wanted.
  private func removeUnusedBases() async {
    while (try? await Task.sleep(for: timing.unusedBases)) != nil {
      guard synced else { continue }
      let wanted = manifest.baseDigests
      do {
        try await disks.removeUnusedBases(wanted: wanted)
        for digest in bases.keys where !wanted.contains(digest) && baseTasks[digest] == nil { bases[digest] = nil }
      } catch {
        logger.warning("unused bases could not be removed", metadata: ["error": "\(error)"])
      }
    }
  }
}
