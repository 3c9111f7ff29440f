import CLinux
import Foundation
import Kit
import Synchronization

/// Notices what others do to the host's network: links with our prefix, our nftables tables, our namespaces' names,
/// and the end of our daemons. One thread that sleeps in `poll`.
final class HostWatcher: Sendable {
  /// At most this many daemons are watched for their end; the rest are seen by the agent's clock.
  static let daemonsMax = 1024

  /// Whether our tables changed.
  let tables = TableWatch()
  private let names: Names
  private let state = Mutex(State())
  private let wake: (read: Int32, write: Int32)

  private struct State {
    var listeners: [UUID: AsyncStream<Void>.Continuation] = [:]
    /// pidfd by pid.
    var daemons: [pid_t: Int32] = [:]
    var stopped = false
  }

  init(names: Names) {
    self.names = names
    var ends: [Int32] = [-1, -1]
    let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
    _ = socketpair(AF_UNIX, kind, 0, &ends)
    wake = (ends[0], ends[1])
  }

  deinit {
    close(wake.read)
    close(wake.write)
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

  /// Watches the daemons whose pid files these are, and no others.
  func watch(daemons pidFiles: [String]) {
    let pids = Set(
      pidFiles.prefix(Self.daemonsMax).compactMap { path in
        (try? String(contentsOfFile: path, encoding: .utf8)).flatMap {
          pid_t($0.trimmingCharacters(in: .whitespacesAndNewlines))
        }
      })
    let changed = state.withLock { state in
      guard Set(state.daemons.keys) != pids else { return false }
      for (pid, descriptor) in state.daemons where !pids.contains(pid) {
        close(descriptor)
        state.daemons[pid] = nil
      }
      for pid in pids where state.daemons[pid] == nil {
        let descriptor = clinux_pidfd_open(pid)
        if descriptor >= 0 { state.daemons[pid] = descriptor }
      }
      return true
    }
    if changed { nudge() }
  }

  private func tell() {
    for listener in state.withLock({ Array($0.listeners.values) }) { listener.yield() }
  }

  private func watch() {
    let links = clinux_netlink_listen(NETLINK_ROUTE, [1], 1)
    let rules = clinux_netlink_listen(NETLINK_NETFILTER, [7], 1)
    let files = inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK))
    try? FileManager.default.createDirectory(atPath: "/run/netns", withIntermediateDirectories: true)
    inotify_add_watch(files, "/run/netns", UInt32(IN_DELETE))
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 8)
    defer {
      buffer.deallocate()
      for descriptor in [links, rules, files] where descriptor >= 0 { close(descriptor) }
    }
    while true {
      let daemons = state.withLock { $0.stopped ? nil : $0.daemons }
      guard let daemons else { return }
      let order = Array(daemons)
      var polled = ([wake.read, links, rules, files] + order.map(\.value)).map {
        pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
      }
      guard poll(&polled, nfds_t(polled.count), -1) >= 0 || errno == EINTR else { return }
      if polled[0].revents != 0 { drain(wake.read, buffer) { _ in false } }
      var changed = false
      if polled[1].revents != 0 { changed = drain(links, buffer) { self.concernsLink($0) } }
      if polled[2].revents != 0, drain(rules, buffer, concerns: { self.concernsTable($0) }) {
        tables.note()
        changed = true
      }
      if polled[3].revents != 0 { changed = drain(files, buffer) { self.concernsNamespace($0) } || changed }
      for (index, entry) in order.enumerated() where polled[4 + index].revents != 0 {
        state.withLock { state in
          guard state.daemons[entry.key] == entry.value else { return }
          close(entry.value)
          state.daemons[entry.key] = nil
        }
        changed = true
      }
      if changed { tell() }
    }
  }

  /// Reads all that waits; whether some of it concerns us. An overflow does: something was lost.
  @discardableResult
  private func drain(
    _ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer, concerns: (UnsafeRawBufferPointer) -> Bool
  ) -> Bool {
    var concerned = false
    while true {
      let count = read(descriptor, buffer.baseAddress, buffer.count)
      if count > 0 {
        concerned = concerns(UnsafeRawBufferPointer(rebasing: buffer[..<count])) || concerned
      } else if count < 0 && errno == ENOBUFS {
        concerned = true
      } else {
        return concerned
      }
    }
  }

  private func concernsLink(_ bytes: UnsafeRawBufferPointer) -> Bool {
    NetlinkMessages(bytes: bytes, headerSize: 16).contains { type, text in
      type == 3 && text.hasPrefix(names.tag.interfacePrefix) || text == names.externalBridge
    }
  }

  /// Every message of nf_tables names its table in attribute 1.
  private func concernsTable(_ bytes: UnsafeRawBufferPointer) -> Bool {
    NetlinkMessages(bytes: bytes, headerSize: 4).contains { type, text in type == 1 && text == names.tag.nftTable }
  }

  /// inotify events: 16 bytes, the last 4 of them the length of the name that follows.
  private func concernsNamespace(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var offset = 0
    while offset + 16 <= bytes.count {
      let length = Int(bytes.loadUnaligned(fromByteOffset: offset + 12, as: UInt32.self))
      guard offset + 16 + length <= bytes.count else { return true }
      let name = String(decoding: bytes[(offset + 16)..<(offset + 16 + length)].prefix { $0 != 0 }, as: UTF8.self)
      if name.hasPrefix(names.tag.namespacePrefix) { return true }
      offset += 16 + length
    }
    return false
  }
}

/// Walks the attributes of netlink messages that hold text.
struct NetlinkMessages {
  let bytes: UnsafeRawBufferPointer
  /// Size of the fixed part behind `nlmsghdr`.
  let headerSize: Int

  func contains(_ matches: (UInt16, String) -> Bool) -> Bool {
    var offset = 0
    while offset + 16 <= bytes.count {
      let length = Int(bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
      guard length >= 16, offset + length <= bytes.count else { return false }
      if attributes(from: offset + 16 + headerSize, to: offset + length, matches) { return true }
      offset += (length + 3) & ~3
    }
    return false
  }

  private func attributes(from start: Int, to end: Int, _ matches: (UInt16, String) -> Bool) -> Bool {
    var offset = start
    while offset + 4 <= end {
      let length = Int(bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
      let type = bytes.loadUnaligned(fromByteOffset: offset + 2, as: UInt16.self) & 0x3fff
      guard length >= 4, offset + length <= end else { return false }
      let text = bytes[(offset + 4)..<(offset + length)].prefix { $0 != 0 }
      if matches(type, String(decoding: text, as: UTF8.self)) { return true }
      offset += (length + 3) & ~3
    }
    return false
  }
}
