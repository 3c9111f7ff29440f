import CLinux
import Drivers
import Foundation
import Kit
import Logging
import Subprocess
import SystemPackage

/// How the child that talks to guests is started; it gets the other end of a Unix socket.
enum MetadataLauncher: Sendable {
  case process(executable: String, uid: UInt32, gid: UInt32)
  /// In this process and as its user: for tests.
  case here(@Sendable (Int32) async throws -> Void)
}

/// The node's side of metadata: it listens in every network's namespace, hands the sockets to a child without
/// privileges, and answers what the child asks. It never sees a byte that a guest sent but the path.
actor MetadataServer {
  /// At most this many questions are answered at a time; further ones wait in the socket.
  static let questionsMax = 64
  static let bodyBytesMax = 2 << 20
  static let restartPause: Duration = .milliseconds(200)
  static let restartPauseMax: Duration = .seconds(10)

  private let launcher: MetadataLauncher
  private let thread: NamespaceThread
  private let logger: Logger
  private var answer: (@Sendable (MetadataRequest) async -> MetadataReply)?
  private var listeners: [String: Listener] = [:]
  private var child: MetadataSocket?
  private var supervisor: Task<Void, Never>?

  private struct Listener {
    var descriptor: Int32
    /// The namespace it listens in: one made anew under the same name is another.
    var inode: UInt64
  }

  init(launcher: MetadataLauncher, thread: NamespaceThread, logger: Logger) {
    self.launcher = launcher
    self.thread = thread
    self.logger = logger
  }

  deinit {
    supervisor?.cancel()
    child?.shut()
    for listener in listeners.values { Foundation.close(listener.descriptor) }
  }

  /// Answers from now on. Starts the child, once.
  func serve(_ answer: @escaping @Sendable (MetadataRequest) async -> MetadataReply) throws {
    self.answer = answer
    guard supervisor == nil else { return }
    supervisor = Task { [weak self] in
      var pause = Self.restartPause
      while !Task.isCancelled {
        let began = ContinuousClock.now
        guard let ended = await self?.startChild() else { return }
        await ended()
        await self?.childEnded()
        pause =
          ContinuousClock.now - began > Self.restartPauseMax ? Self.restartPause : min(pause * 2, Self.restartPauseMax)
        try? await Task.sleep(for: pause)
      }
    }
  }

  /// Listens in the namespaces of these networks, where that is not so already.
  func open(_ networks: [(id: String, namespace: String)]) async {
    for (id, namespace) in networks {
      do {
        let known = listeners[id]?.inode
        let made = try await thread.run(in: namespace) { try Self.listen(unless: known) }
        guard let made else { continue }
        if let old = listeners.updateValue(Listener(descriptor: made.descriptor, inode: made.inode), forKey: id) {
          child?.send(MetadataOrder(kind: .close, network: id))
          Foundation.close(old.descriptor)
        }
        child?.send(MetadataOrder(kind: .listen, network: id), attached: made.descriptor)
      } catch {
        logger.warning("metadata cannot listen", metadata: ["network": "\(id)", "error": "\(error)"])
      }
    }
  }

  func close(networks: [String]) {
    for id in networks {
      guard let listener = listeners.removeValue(forKey: id) else { continue }
      child?.send(MetadataOrder(kind: .close, network: id))
      Foundation.close(listener.descriptor)
    }
  }

  /// Whether questions of a network's guests reach somebody who answers.
  func answers(_ networkID: String) -> Bool { child != nil && answer != nil && listeners[networkID] != nil }

  func closeAll() { close(networks: Array(listeners.keys)) }

  /// A listening socket of the calling thread's namespace; nil where `known` is that namespace.
  private static func listen(unless known: UInt64?) throws -> (descriptor: Int32, inode: UInt64)? {
    var namespace = clinux_path_facts()
    guard clinux_path_facts("/proc/thread-self/ns/net", &namespace) == 0, namespace.inode != known else { return nil }
    let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
    let descriptor = socket(AF_INET, kind, 0)
    var yes: Int32 = 1
    // The child of a node that just ended may hold its socket a moment longer.
    for option in [SO_REUSEADDR, SO_REUSEPORT] {
      setsockopt(descriptor, SOL_SOCKET, option, &yes, socklen_t(MemoryLayout<Int32>.size))
    }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(80).bigEndian
    address.sin_addr.s_addr = UInt32(0xa9fe_a9fe).bigEndian
    let bound = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard descriptor >= 0, bound == 0, Foundation.listen(descriptor, 128) == 0 else {
      let reason = String(cString: strerror(errno))
      if descriptor >= 0 { Foundation.close(descriptor) }
      throw Refusal("MetadataFailed", "The metadata address cannot be listened on: \(reason).")
    }
    return (descriptor, namespace.inode)
  }

  /// Starts one child; the function returned ends when the child does. nil where there is no socket to be had.
  private func startChild() -> (@Sendable () async -> Void)? {
    var ends: [Int32] = [-1, -1]
    let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { return nil }
    let socket = MetadataSocket(ends[0])
    let theirs = ends[1]
    child = socket
    for (id, listener) in listeners {
      socket.send(MetadataOrder(kind: .listen, network: id), attached: listener.descriptor)
    }
    startReader(socket)
    let (launcher, logger) = (launcher, logger)
    return {
      do {
        try await Self.run(launcher, theirs)
      } catch {
        logger.warning("the metadata child ended", metadata: ["error": "\(error)"])
      }
      socket.shut()
    }
  }

  private static func run(_ launcher: MetadataLauncher, _ descriptor: Int32) async throws {
    switch launcher {
    case .here(let body):
      try await body(descriptor)
    case .process(let executable, let uid, let gid):
      // Privileges are gone before the child's first instruction: a process cannot take them from its own parked main
      // thread later.
      let drop = ["--reuid", "\(uid)", "--regid", "\(gid)", "--clear-groups", "--no-new-privs", "--bounding-set=-all"]
      let result = try await Subprocess.run(
        .name("setpriv"), arguments: Arguments(drop + ["--", executable, "metadata-child", "--control-fd", "0"]),
        environment: Tool.environment,
        input: .fileDescriptor(FileDescriptor(rawValue: descriptor), closeAfterSpawningProcess: true),
        output: .discarded, error: .string(limit: 64 << 10))
      throw Refusal("MetadataFailed", "\(result.terminationStatus): \(result.standardError.suffix(500))")
    }
  }

  private func childEnded() { child = nil }

  /// A thread that reads the child's questions; the semaphore holds it back when too many are being answered.
  private func startReader(_ socket: MetadataSocket) {
    guard let answer else { return }
    let room = DispatchSemaphore(value: Self.questionsMax)
    let reader = Thread {
      socket.read { line, _ in
        guard let question = try? JSONDecoder().decode(MetadataQuestion.self, from: line) else { return }
        room.wait()
        Task {
          let request = MetadataRequest(
            networkID: question.networkID, sourceAddress: question.sourceAddress, path: question.path)
          let reply = await answer(request)
          let fits = reply.body.count <= Self.bodyBytesMax
          socket.send(
            MetadataOrder(
              kind: .reply, id: question.id, status: fits ? reply.status : 500, contentType: reply.contentType,
              body: fits ? Data(reply.body) : Data()))
          room.signal()
        }
      }
      socket.shut()
    }
    reader.name = "haneul-metadata"
    reader.start()
  }
}
