import Foundation
import Store
import Testing

/// A small file system of its own, on memory or on a loop device, gone with the fixture. It needs root.
final class DiskFixture {
  static let possible = geteuid() == 0

  enum Kind { case memory, loop }

  let folder: String
  let mountPoint: String
  private let kind: Kind
  private let megabytes: Int
  var storePath: String { mountPoint + "/store.sqlite" }

  init(_ kind: Kind, megabytes: Int) throws {
    self.kind = kind
    self.megabytes = megabytes
    folder = "/tmp/haneul-disk-\(UUID().uuidString)"
    mountPoint = folder + "/disk"
    try FileManager.default.createDirectory(atPath: mountPoint, withIntermediateDirectories: true)
    if kind == .loop {
      #expect(FileManager.default.createFile(atPath: folder + "/image", contents: nil))
      guard truncate(folder + "/image", off_t(megabytes) << 20) == 0 else { throw Failed(words: ["truncate"]) }
      try Self.run(["mke2fs", "-q", "-F", "-t", "ext4", folder + "/image"])
    }
    try mount()
  }

  deinit {
    // Lazily, for a store's threads may be about to let go of it.
    try? Self.run(["umount", "-l", mountPoint])
    try? FileManager.default.removeItem(atPath: folder)
  }

  struct Failed: Error {
    var words: [String]
  }

  func mount(_ options: String = "rw") throws {
    switch kind {
    case .memory: try Self.run(["mount", "-t", "tmpfs", "-o", "\(options),size=\(megabytes)m", "tmpfs", mountPoint])
    case .loop: try Self.run(["mount", "-o", "loop,\(options)", folder + "/image", mountPoint])
    }
  }

  func remount(_ options: String) throws { try Self.run(["mount", "-o", "remount,\(options)", mountPoint]) }

  /// Waits until nobody has a file open there.
  func unmount() async throws {
    for _ in 0..<300 {
      if (try? Self.run(["umount", mountPoint])) != nil { return }
      try await Task.sleep(for: .milliseconds(100))
    }
    throw Failed(words: ["umount", mountPoint])
  }

  /// Makes every access fail from now on, as a disk does that was pulled out.
  func pullOut() throws {
    // EXT4_IOC_SHUTDOWN, without flushing the journal.
    let program =
      "import fcntl, os, struct, sys; "
      + "fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587d, struct.pack('I', 2))"
    try Self.run(["python3", "-c", program, mountPoint])
  }

  /// Takes all the room that is left.
  func fill() throws {
    let file = open(mountPoint + "/ballast", O_WRONLY | O_CREAT | O_APPEND, 0o600)
    defer { close(file) }
    for size in [65536, 4096, 512] {
      let bytes = [UInt8](repeating: 7, count: size)
      while write(file, bytes, size) == size {}
    }
  }

  func makeRoom() throws { try FileManager.default.removeItem(atPath: mountPoint + "/ballast") }

  static func run(_ words: [String]) throws {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = words
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw Failed(words: words) }
  }
}

extension Store {
  func prepared() async throws -> Self {
    try await migrate([
      Migration(
        room: "test", number: 1, .expand, ["CREATE TABLE IF NOT EXISTS thing (id TEXT PRIMARY KEY, value BLOB)"])
    ])
    return self
  }

  /// Writes a row with `bytes` of data.
  func put(_ id: String, bytes: Int = 10) async throws {
    try await write { tx in
      try tx.execute("INSERT INTO thing (id, value) VALUES (\(id), \([UInt8](repeating: 1, count: bytes)))")
    }
  }

  func ids() async throws -> Set<String> {
    try await read { Set(try $0.query("SELECT id FROM thing") { $0.text(0) }) }
  }

  func isSound() async throws -> Bool {
    try await read { try $0.first("PRAGMA integrity_check") { $0.text(0) } } == "ok"
  }
}
