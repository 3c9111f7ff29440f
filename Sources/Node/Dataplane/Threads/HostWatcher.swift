import CLinux
import Foundation
import Kit
import Synchronization

/// Notices what others do to the host's network: links, our nftables tables, the external bridge's addresses, our
/// namespaces, the files of daemons and their end. One thread that sleeps in `poll`.
///
/// What the data plane does itself wakes nobody: links, namespaces and files are compared with what the last look left,
/// a moment after they changed; changes of rules name the thread that made them.
///
/// What happens inside namespaces (a router's rules, addresses and routes) is seen by the comparison on the agent's
/// clock. A socket in each namespace would cost a descriptor for each network and router, and libnftables stops working
/// in a process with more than 1,024 of them.
final class HostWatcher: Sendable {
  /// At most this many daemons are watched for their end, and folders for their files; the rest are seen by the
  /// agent's clock.
  static let daemonsMax = 512
  /// How long changes may go on before they are judged, in milliseconds.
  static let settleMilliseconds: Int32 = 100

  private let names: Names
  private let state: Mutex<State>
  private let wake: (read: Int32, write: Int32)
  private let files: Int32

  private struct State {
    var listeners: [UUID: AsyncStream<Void>.Continuation] = [:]
    var links = LinkModel()
    /// pidfd by pid.
    var daemons: [pid_t: Int32] = [:]
    /// Folder by inotify's number for it.
    var folders: [Int32: String] = [:]
    /// Threads of ours that change rules.
    var ownThreads: Set<Int> = []
    /// Looks that are at work.
    var looking = 0
    /// What waits to be judged.
    var dirty = Dirty()
    var stopped = false
  }

  private struct Dirty {
    var links = false
    var namespaces = false
    var folders: Set<String> = []
    /// Something that needs no judging.
    var certain = false
    var isEmpty: Bool { !links && !namespaces && !certain && folders.isEmpty }
  }

  init(names: Names) {
    self.names = names
    state = Mutex(State())
    var ends: [Int32] = [-1, -1]
    let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
    _ = socketpair(AF_UNIX, kind, 0, &ends)
    wake = (ends[0], ends[1])
    files = inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK))
  }

  deinit {
    for descriptor in [wake.read, wake.write, files] where descriptor >= 0 { close(descriptor) }
    for descriptor in state.withLock({ Array($0.daemons.values) }) { close(descriptor) }
  }

  func start() {
    let thread = Thread { [self] in watch() }
    thread.name = "haneul-netwatch"
    thread.start()
  }

  func stop() {
    state.withLock { $0.stopped = true }
    nudge()
  }

  private func nudge() { _ = write(wake.write, [1], 1) }

  /// One element for any number of changes not yet looked at.
  func events() -> AsyncStream<Void> {
    AsyncStream(bufferingPolicy: .bufferingNewest(1)) { continuation in
      let id = UUID()
      state.withLock { $0.listeners[id] = continuation }
      continuation.onTermination = { [weak self] _ in
        _ = self?.state.withLock { $0.listeners.removeValue(forKey: id) }
      }
    }
  }

  // MARK: what the data plane says of itself

  /// Changes of rules by this thread are our own.
  func own(thread: Int) { state.withLock { _ = $0.ownThreads.insert(thread) } }

  /// A look begins: until `expect` nothing is judged.
  func lookBegins() { state.withLock { $0.looking += 1 } }

  /// A look has ended, and left the host like this; nil: it could not say.
  func lookEnded(_ expectation: HostExpectation?) {
    state.withLock { state in
      state.looking -= 1
      guard let expectation else { return }
      state.links.expect(expectation)
      state.dirty.links = true
      watchDaemons(expectation, &state)
      watchFolders(expectation, &state)
    }
    nudge()
  }

  private func watchDaemons(_ expectation: HostExpectation, _ state: inout State) {
    let pids = Set(
      expectation.pidFiles.prefix(Self.daemonsMax).compactMap { path in
        (try? String(contentsOfFile: path, encoding: .utf8)).flatMap {
          pid_t($0.trimmingCharacters(in: .whitespacesAndNewlines))
        }
      })
    for (pid, descriptor) in state.daemons where !pids.contains(pid) {
      close(descriptor)
      state.daemons[pid] = nil
    }
    for pid in pids where state.daemons[pid] == nil {
      let descriptor = clinux_pidfd_open(pid)
      if descriptor >= 0 {
        state.daemons[pid] = descriptor
      } else {
        // It ended since it was looked at.
        state.dirty.certain = true
      }
    }
  }

  private func watchFolders(_ expectation: HostExpectation, _ state: inout State) {
    let wanted = Set(expectation.sealed.keys.sorted().prefix(Self.daemonsMax))
    for (number, folder) in state.folders where !wanted.contains(folder) {
      inotify_rm_watch(files, number)
      state.folders[number] = nil
    }
    let mask = UInt32(IN_DELETE) | UInt32(IN_MOVED_FROM) | UInt32(IN_MOVED_TO) | UInt32(IN_CLOSE_WRITE)
    for folder in wanted.subtracting(state.folders.values) {
      let number = inotify_add_watch(files, folder, mask)
      if number >= 0 { state.folders[number] = folder }
    }
  }

  // MARK: the thread

  private func watch() {
    let links = clinux_netlink_listen(NETLINK_ROUTE, [1, 5, 9], 3)
    let rules = clinux_netlink_listen(NETLINK_NETFILTER, [7], 1)
    let mounts = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC)
    try? FileManager.default.createDirectory(atPath: "/run/netns", withIntermediateDirectories: true)
    let spaces = inotify_add_watch(
      files, "/run/netns", UInt32(IN_DELETE) | UInt32(IN_MOVED_FROM) | UInt32(IN_MOVED_TO))
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 8)
    var ruleWatch = RuleMessages(table: names.tag.nftTable)
    defer {
      buffer.deallocate()
      for descriptor in [links, rules, mounts] where descriptor >= 0 { close(descriptor) }
    }
    var since: ContinuousClock.Instant?
    while true {
      let now = state.withLock { ($0.stopped, Array($0.daemons), !$0.dirty.isEmpty && $0.looking == 0) }
      let (stopped, order, judging) = now
      guard !stopped else { return }
      since = judging ? since ?? .now : nil
      if let began = since, ContinuousClock.now - began >= .milliseconds(Int(Self.settleMilliseconds)) {
        judge()
        continue
      }
      var polled = ([wake.read, links, rules, files] + order.map(\.value)).map {
        pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
      }
      polled.append(pollfd(fd: mounts, events: Int16(POLLPRI), revents: 0))
      let count = poll(&polled, nfds_t(polled.count), judging ? Self.settleMilliseconds : -1)
      guard count >= 0 || errno == EINTR else { return }
      if count == 0 { continue }
      if polled[0].revents != 0 { drain(wake.read, buffer) { _ in } }
      if polled[1].revents != 0 { drain(links, buffer) { takeLinks($0) } }
      if polled[2].revents != 0 {
        let own = state.withLock { $0.ownThreads }
        drain(rules, buffer) { bytes in
          if ruleWatch.foreign(bytes, own: own) { certain() }
        }
      }
      if polled[3].revents != 0 { drain(files, buffer) { takeFiles($0, spaces: spaces) } }
      for (index, entry) in order.enumerated() where polled[4 + index].revents != 0 { takeEnd(entry) }
      if polled[polled.count - 1].revents != 0 { state.withLock { $0.dirty.namespaces = true } }
    }
  }

  /// Tells where something is not as the last look left it.
  private func judge() {
    let (dirty, links) = state.withLock { state in
      defer { state.dirty = Dirty() }
      return (state.dirty, state.links)
    }
    let expected = links.expected
    let told =
      dirty.certain || dirty.links && links.deviates || dirty.namespaces && !expected.namespacesStand
      || dirty.folders.contains { !expected.filesStand(in: $0) }
    guard told else { return }
    for listener in state.withLock({ Array($0.listeners.values) }) { listener.yield() }
  }

  private func certain() { state.withLock { $0.dirty.certain = true } }

  /// Reads all that waits. An overflow lost something: that is to be looked at.
  private func drain(
    _ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer, _ take: (UnsafeRawBufferPointer) -> Void
  ) {
    while true {
      let count = read(descriptor, buffer.baseAddress, buffer.count)
      if count > 0 {
        take(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      } else if count < 0 && errno == ENOBUFS {
        certain()
      } else {
        return
      }
    }
  }

  private func takeLinks(_ bytes: UnsafeRawBufferPointer) {
    let (newLink, delLink, delAddress): (UInt16, UInt16, UInt16) = (16, 17, 21)
    for message in NetlinkMessages(bytes: bytes, headSize: { $0 == 16 || $0 == 17 ? 16 : 8 }) {
      guard message.head.count >= 8 else { continue }
      let index = Int(message.head.loadUnaligned(fromByteOffset: 4, as: Int32.self))
      state.withLock { state in
        switch message.type {
        // Bridges say of their ports what the ports say themselves (family AF_BRIDGE).
        case newLink where message.head[0] == 0 && message.head.count >= 12:
          let flags = message.head.loadUnaligned(fromByteOffset: 8, as: UInt32.self)
          let link = HostExpectation.Link(
            name: message.text(3) ?? "", up: flags & 1 != 0, master: message.number(10) ?? 0,
            mtu: message.number(4) ?? 0)
          if state.links.take(index, link, prefix: names.tag.interfacePrefix) { state.dirty.links = true }
          let isOthers = message.linkKind == "bridge" && !HostLinks.isMarked(link.name)
          if isOthers, !state.links.expected.otherBridges.contains(index) { state.dirty.certain = true }
        case delLink where message.head[0] == 0:
          if state.links.take(index, nil, prefix: names.tag.interfacePrefix) { state.dirty.links = true }
          if state.links.expected.otherBridges.contains(index) { state.dirty.certain = true }
        case delAddress where index == state.links.expected.addressed:
          if state.looking == 0 { state.dirty.certain = true }
        default: break
        }
      }
    }
  }

  /// inotify events: its number for the folder, 8 bytes, the length of the name that follows, the name.
  private func takeFiles(_ bytes: UnsafeRawBufferPointer, spaces: Int32) {
    var offset = 0
    while offset + 16 <= bytes.count {
      let number = bytes.loadUnaligned(fromByteOffset: offset, as: Int32.self)
      let length = Int(bytes.loadUnaligned(fromByteOffset: offset + 12, as: UInt32.self))
      offset += 16 + length
      state.withLock { state in
        if number == spaces {
          state.dirty.namespaces = true
        } else if let folder = state.folders[number] {
          state.dirty.folders.insert(folder)
        }
        // The folder itself is gone: one made anew gets a watch of its own.
        if bytes.loadUnaligned(fromByteOffset: offset - length - 12, as: UInt32.self) & UInt32(IN_IGNORED) != 0 {
          state.folders[number] = nil
        }
      }
    }
  }

  private func takeEnd(_ entry: (key: pid_t, value: Int32)) {
    state.withLock { state in
      guard state.daemons[entry.key] == entry.value else { return }
      close(entry.value)
      state.daemons[entry.key] = nil
      // While a look is at work it ends daemons itself; what it leaves is watched anew.
      if state.looking == 0 { state.dirty.certain = true }
    }
  }
}

/// Follows the changes of the host's rules: each message of a transaction names its table, and the last one the thread
/// that made it.
struct RuleMessages {
  let table: String
  private var touched = false

  init(table: String) { self.table = table }

  private static let newGeneration: UInt16 = 10 << 8 | 15

  /// Whether somebody else changed our table.
  mutating func foreign(_ bytes: UnsafeRawBufferPointer, own: Set<Int>) -> Bool {
    var foreign = false
    for message in NetlinkMessages(bytes: bytes, headSize: { _ in 4 }) {
      guard message.type == Self.newGeneration else {
        // Every other message of nf_tables names its table in attribute 1.
        if message.text(1) == table { touched = true }
        continue
      }
      let maker = message.number(2).map { Int(UInt32(truncatingIfNeeded: $0).byteSwapped) }
      if touched, maker.map({ !own.contains($0) }) ?? true { foreign = true }
      touched = false
    }
    return foreign
  }
}
