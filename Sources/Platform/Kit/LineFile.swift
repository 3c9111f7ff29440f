import Foundation
import Synchronization

/// Lines appended to a file by a queue of its own, so that nobody waits for a disk. Bounded in what waits and in what
/// is kept: a file that is full becomes `<path>.1`, that one `<path>.2`, and the last one goes.
public final class LineFile: Sendable {
  /// Bytes that may wait for the disk; further lines are dropped and counted.
  public static let waitingBytesMax = 4 << 20
  /// Written lines are on the disk after so many seconds at the latest, where `durable` was asked for.
  public static let syncSeconds = 1.0

  private struct Waiting: Sendable {
    var bytes: [UInt8] = []
    var isScheduled = false
  }
  /// What only the queue touches.
  private struct Open: Sendable {
    var descriptor: Int32 = -1
    var size = 0
    var syncScheduled = false
  }

  public let path: String
  private let bytesMax: Int
  private let filesMax: Int
  private let mode: UInt32
  private let durable: Bool
  private let queue: DispatchQueue
  private let waiting = Mutex(Waiting())
  private let open = Mutex(Open())
  /// Lines that were dropped, for want of room or because the disk refused them.
  public let dropped = Counter()
  /// Lines that were taken.
  public let taken = Counter()

  /// - Parameters:
  ///   - bytesMax: of one file.
  ///   - filesMax: files kept, the one that is written to included.
  ///   - durable: whether what is written is synced, once a second.
  public init(path: String, bytesMax: Int, filesMax: Int, mode: UInt32 = 0o640, durable: Bool = false) {
    self.path = path
    self.bytesMax = bytesMax
    self.filesMax = max(1, filesMax)
    self.mode = mode
    self.durable = durable
    queue = DispatchQueue(label: "lines." + (path as NSString).lastPathComponent)
  }

  deinit { open.withLock { if $0.descriptor >= 0 { close($0.descriptor) } } }

  /// Takes a line without its end; returns at once.
  public func append(_ line: [UInt8]) {
    let schedule: Bool? = waiting.withLock { waiting in
      guard waiting.bytes.count + line.count < Self.waitingBytesMax else { return nil }
      waiting.bytes += line
      waiting.bytes.append(UInt8(ascii: "\n"))
      defer { waiting.isScheduled = true }
      return !waiting.isScheduled
    }
    guard let schedule else { return dropped.add() }
    taken.add()
    if schedule { queue.async { self.drain() } }
  }

  /// Returns when what was appended before is written and synced, or was refused by the disk.
  public func flush() async {
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
      queue.async {
        self.drain()
        self.sync()
        continuation.resume()
      }
    }
  }

  private func drain() {
    let bytes = waiting.withLock { waiting in
      defer { waiting = Waiting() }
      return waiting.bytes
    }
    guard !bytes.isEmpty else { return }
    let schedule = open.withLock { file in
      if file.descriptor >= 0, file.size + bytes.count > bytesMax, file.size > 0 { rotate(&file) }
      guard write(bytes, &file) else {
        dropped.add(bytes.count { $0 == UInt8(ascii: "\n") })
        return false
      }
      guard durable, !file.syncScheduled else { return false }
      file.syncScheduled = true
      return true
    }
    if schedule { queue.asyncAfter(deadline: .now() + Self.syncSeconds) { self.sync() } }
  }

  private func sync() {
    open.withLock { file in
      file.syncScheduled = false
      if durable, file.descriptor >= 0 { fdatasync(file.descriptor) }
    }
  }

  /// False where the disk does not take it; half a line that it took is ended with the next one.
  private func write(_ bytes: [UInt8], _ file: inout Open) -> Bool {
    if file.descriptor < 0 {
      file.descriptor = Foundation.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, mode)
      guard file.descriptor >= 0 else { return false }
      file.size = max(0, Int(lseek(file.descriptor, 0, SEEK_END)))
      // What was there already may be full.
      if file.size > 0, file.size + bytes.count > bytesMax {
        rotate(&file)
        return write(bytes, &file)
      }
    }
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Foundation.write(file.descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        close(file.descriptor)
        file = Open(syncScheduled: file.syncScheduled)
        return false
      }
      file.size += count
      rest = rest.dropFirst(count)
    }
    return true
  }

  private func rotate(_ file: inout Open) {
    if file.descriptor >= 0 {
      if durable { fdatasync(file.descriptor) }
      close(file.descriptor)
    }
    file = Open(syncScheduled: file.syncScheduled)
    guard filesMax > 1 else {
      unlink(path)
      return
    }
    for number in stride(from: filesMax - 1, through: 1, by: -1) {
      rename(number == 1 ? path : "\(path).\(number - 1)", "\(path).\(number)")
    }
  }
}
