import CLibvirt
import Drivers
import Kit
import Logging

/// Keeps a connection to libvirtd: opens it when first needed, and again whenever libvirtd went away.
actor LibvirtLink {
  /// Pauses between attempts to connect again, doubling from the first to the last.
  static let pauses: (first: Duration, last: Duration) = (.milliseconds(100), .seconds(5))
  /// How long somebody else has to bring libvirtd back before this does.
  static let graceSeconds = 2

  /// What a call does. Each kind has threads of its own, because a QEMU that hangs holds those that change it for as
  /// long as it hangs: it must not hold up the looks at all others, nor its own end.
  enum Kind: Int, CaseIterable, Sendable {
    case look, change, end

    /// How many are under way at once.
    var width: Int { self == .change ? 4 : 2 }

    static let widthOfAll = allCases.reduce(0) { $0 + $1.width }
    fileprivate var firstLane: Int { Self.allCases.prefix(rawValue).reduce(0) { $0 + $1.width } }
  }

  /// How long foreign domains' events are gathered.
  static let foreignPause: Duration = .seconds(1)
  private static let comingAndGoing = Set(
    [VIR_DOMAIN_EVENT_DEFINED, VIR_DOMAIN_EVENT_UNDEFINED, VIR_DOMAIN_EVENT_STARTED, VIR_DOMAIN_EVENT_STOPPED]
      .map(\.rawValue))

  private let uri: String
  private let events: DomainEvents
  /// Whose domains are this cloud's: what decides which event concerns us.
  nonisolated let known: KnownDomains
  private let logger: Logger
  private let tag: CloudTag
  private let calls = Dictionary(
    uniqueKeysWithValues: Kind.allCases.map { ($0, BlockingCalls(width: $0.width, firstLane: $0.firstLane)) })
  /// One at a time: a libvirtd that hangs takes a connection and says nothing, and no limit of libvirt's own ends that.
  private let opener = BlockingCalls(width: 1, waitingMax: 0, limit: .seconds(LibvirtDaemon.secondsMax))
  private var connection: LibvirtConnections?
  private var opening: Task<LibvirtConnections, any Error>?
  private var recovering: Task<Void, Never>?
  private var comparing = false

  init(uri: String, tag: CloudTag, events: DomainEvents, logger: Logger) {
    self.uri = uri
    self.events = events
    self.tag = tag
    known = KnownDomains(tag: tag)
    self.logger = logger
  }

  deinit { recovering?.cancel() }

  /// Runs `body` off the cooperative pool, on an open connection. Nothing is tried twice: what became of a call whose
  /// connection broke is seen by looking.
  ///
  /// - Parameter serverID: whose domain is changed; nil for a look.
  func call<T: Sendable>(
    _ kind: Kind, for serverID: String? = nil, _ body: @escaping @Sendable (virConnectPtr) throws -> T
  ) async throws -> T {
    let connection = try await open(startingDaemon: true)
    guard let calls = calls[kind] else { throw HypervisorError.overloaded }
    do {
      return try await calls.run(for: serverID) { try connection.use(lane: $0, body) }
    } catch let error as HypervisorError where error.isConnectionLost {
      lost()
      throw error
    }
  }

  /// Opens the connection in the background, and keeps at it.
  func connect() {
    guard connection == nil, recovering == nil else { return }
    let weakly = { @Sendable [weak self] in self }
    recovering = Task { await Self.recover(weakly) }
  }

  private func open(startingDaemon: Bool) async throws -> LibvirtConnections {
    if let connection {
      if connection.isAlive { return connection }
      lost()
    }
    if let opening { return try await opening.value }
    let task = Task { [uri, opener, listener = listener()] in
      if startingDaemon { try await LibvirtDaemon.start(uri: uri) }
      do {
        return try await opener.run { _ in
          try LibvirtConnections(uri: uri, callers: Kind.widthOfAll, listener: listener)
        }
      } catch HypervisorError.overloaded {
        throw HypervisorError.daemonUnavailable(reason: "it hangs: an earlier connection still waits for its answer")
      }
    }
    opening = task
    defer { opening = nil }
    let opened = try await task.value
    connection = opened
    logger.info("libvirt connected", metadata: ["uri": "\(uri)"])
    // What happened while nobody listened is not known.
    events.send(DomainEvent(serverID: nil))
    return opened
  }

  private func listener() -> LibvirtConnection.Listener {
    LibvirtConnection.Listener(
      changed: { [weak self, events, known] name, uuid, event in
        switch known.owner(name: name, uuid: uuid) {
        case .ours: events.send(DomainEvent(serverID: uuid))
        case .otherCloud: break
        case .unknown: Task { await self?.judge(uuid, event) }
        }
      },
      closed: { [weak self] in
        guard let self else { return }
        Task { await self.lost() }
      })
  }

  /// Looks whose domain this is, of which only an event is known. One that is ours is told; one of no cloud only when
  /// it may have come or gone.
  private func judge(_ uuid: String, _ event: virDomainEventType?) async {
    // A connection that is gone is made anew, and then everything is compared.
    guard connection?.isAlive == true else { return }
    let cloud = try? await call(.look) { try DomainHandle.find(uuid: uuid, $0)?.cloud() }
    if cloud == tag.text {
      known.add(uuid)
      events.send(DomainEvent(serverID: uuid))
    } else if cloud == nil, let event, Self.comingAndGoing.contains(event.rawValue) {
      await compareSoon()
    }
  }

  /// Asks for one comparison of everything, however many foreign domains come and go meanwhile.
  private func compareSoon() async {
    if comparing { return }
    comparing = true
    try? await Task.sleep(for: Self.foreignPause)
    comparing = false
    events.send(DomainEvent(serverID: nil))
  }

  private func lost() {
    guard let connection, !connection.isAlive else { return }
    logger.warning("libvirt connection lost", metadata: ["uri": "\(uri)"])
    self.connection = nil
    connect()
  }

  /// Tries until there is a connection; holds the link only while it tries.
  private static func recover(_ link: @Sendable () -> LibvirtLink?) async {
    let began = ContinuousClock.now
    var pause = pauses.first
    while !Task.isCancelled {
      let starting = ContinuousClock.now - began > .seconds(graceSeconds)
      guard await link()?.recovered(startingDaemon: starting) == false else { return }
      try? await Task.sleep(for: pause)
      pause = min(pause * 2, pauses.last)
    }
  }

  private func recovered(startingDaemon: Bool) async -> Bool {
    do {
      // It may have gone again before it was noted here.
      guard try await open(startingDaemon: startingDaemon).isAlive else { return false }
      recovering = nil
      return true
    } catch {
      logger.debug("libvirt does not answer yet", metadata: ["error": "\(error)"])
      return false
    }
  }
}
