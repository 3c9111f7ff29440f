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

  private let uri: String
  private let events: DomainEvents
  private let namePrefix: String
  private let logger: Logger
  private let calls = BlockingCalls()
  private var connection: LibvirtConnection?
  private var opening: Task<LibvirtConnection, any Error>?
  private var recovering: Task<Void, Never>?

  init(uri: String, tag: CloudTag, events: DomainEvents, logger: Logger) {
    self.uri = uri
    self.events = events
    self.namePrefix = tag.domain("")
    self.logger = logger
  }

  deinit { recovering?.cancel() }

  /// Runs `body` off the cooperative pool, on an open connection. Nothing is tried twice: what became of a call whose
  /// connection broke is seen by looking.
  func call<T: Sendable>(_ body: @escaping @Sendable (virConnectPtr) throws -> T) async throws -> T {
    let connection = try await open(startingDaemon: true)
    do {
      return try await calls.run { try connection.use(body) }
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

  private func open(startingDaemon: Bool) async throws -> LibvirtConnection {
    if let connection {
      if connection.isAlive { return connection }
      lost()
    }
    if let opening { return try await opening.value }
    let task = Task { [uri, calls, listener = listener()] in
      if startingDaemon { try await LibvirtDaemon.ensureRunning(uri: uri, calls: calls) }
      return try await calls.run { try LibvirtConnection(uri: uri, listener: listener) }
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
      lifecycle: { [events, namePrefix] name, uuid in
        if name.hasPrefix(namePrefix) { events.send(DomainEvent(serverID: uuid)) }
      },
      closed: { [weak self] in
        guard let self else { return }
        Task { await self.lost() }
      })
  }

  private func lost() {
    guard connection?.isAlive != true else { return }
    logger.warning("libvirt connection lost", metadata: ["uri": "\(uri)"])
    connection = nil
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
