import Disks
import Drivers
import Foundation
import Kit
import NodeLink
import Testing

/// A small file system of the test's own, which it may fill and make read-only.
private struct SmallDisk {
  let directory = "/tmp/haneul-small-disk-" + Identifier.hex()

  init(kibibytes: Int) throws {
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
    _ = try output("/usr/bin/mount", ["-t", "tmpfs", "-o", "size=\(kibibytes)k,mode=0711", "tmpfs", directory])
  }

  private var ballast: String { directory + "/ballast" }

  /// Leaves no more than `kibibytes` free.
  func fill(leaving kibibytes: UInt64 = 0) throws {
    try Data().write(to: URL(fileURLWithPath: ballast))
    let file = try #require(FileHandle(forWritingAtPath: ballast))
    while (try? file.write(contentsOf: Data(count: 4096))) != nil {}
    let size = try file.seekToEnd()
    try file.truncate(atOffset: size - min(size, kibibytes * 1024))
  }

  func drain() throws { try FileManager.default.removeItem(atPath: ballast) }

  func make(readOnly: Bool) throws {
    _ = try output("/usr/bin/mount", ["-o", "remount," + (readOnly ? "ro" : "rw"), directory])
  }

  func end() {
    _ = try? output("/usr/bin/umount", [directory])
    try? FileManager.default.removeItem(atPath: directory)
  }
}

private let metadata = ServerSpec.Metadata(
  metaData: "{}", networkData: "{}", vendorData: "{}", userDataBase64: Data(count: 300_000).base64EncodedString(),
  ec2: [:])

@Suite struct DiskTroubleTests {
  private func isNoSpace(_ error: any Error) -> Bool {
    guard case DiskError.noSpace(let path) = error else { return false }
    return path.hasPrefix("/tmp/haneul-small-disk-")
  }

  private func isReadOnly(_ error: any Error) -> Bool {
    guard case DiskError.readOnly(let path) = error else { return false }
    return path.hasPrefix("/tmp/haneul-small-disk-")
  }

  @Test func aFullDiskIsNamedAndKeepsNoHalfFile() async throws {
    let small = try SmallDisk(kibibytes: 2048)
    defer { small.end() }
    let lab = try Lab(directory: small.directory + "/disks")
    let server = Identifier.uuid()
    let disk = lab.root()
    // It is full at the first byte, after the record, in the middle of the files.
    let writers: [(leaving: [UInt64], write: @Sendable () async throws -> Void)] = [
      ([0, 4, 100], { _ = try await lab.disks.ensureBase(lab.base, fetch: lab.fetch) }),
      ([0, 4, 8], { _ = try await lab.disks.ensureRoot(disk, serverID: server) }),
      ([0, 100, 350], { _ = try await lab.disks.configDrive(metadata, serverID: server) }),
    ]
    for (leaving, write) in writers {
      let before = lab.files()
      for kibibytes in leaving {
        try small.fill(leaving: kibibytes)
        await #expect { try await write() } throws: { isNoSpace($0) }
        #expect(lab.files() == before, "with \(kibibytes) KiB left")
        try small.drain()
      }
      try await write()
      #expect(lab.files().count > before.count)
    }
    #expect(await lab.disks.rootDiskID(serverID: server) == disk.id)
    // What is there can be used and removed all the same.
    try small.fill()
    _ = try await lab.disks.ensureBase(lab.base, fetch: lab.fetch)
    _ = try await lab.disks.ensureRoot(disk, serverID: server)
    try await lab.disks.remove(serverID: server)
    #expect(lab.files() == ["bases/" + lab.base.digest])
    #expect(lab.fetches.value == 4)
  }

  @Test func aDiskThatCanOnlyBeReadIsNamedAndRead() async throws {
    let small = try SmallDisk(kibibytes: 2048)
    defer { small.end() }
    let lab = try Lab(directory: small.directory + "/disks")
    let server = Identifier.uuid()
    let disk = lab.root()
    try small.make(readOnly: true)
    await #expect { try await lab.disks.ensureBase(lab.base, fetch: lab.fetch) } throws: { isReadOnly($0) }
    try small.make(readOnly: false)
    _ = try await lab.disks.ensureBase(lab.base, fetch: lab.fetch)
    let chain = try await lab.disks.ensureRoot(disk, serverID: server)
    let files = lab.files()

    try small.make(readOnly: true)
    // A node that starts now finds what was made.
    let other = Lab.driver(lab.directory)
    _ = try await other.ensureBase(lab.base, fetch: lab.fetch)
    #expect(try await other.ensureRoot(disk, serverID: server) == chain)
    #expect(await other.rootDiskID(serverID: server) == disk.id)
    await #expect { try await other.ensureRoot(lab.root(), serverID: Identifier.uuid()) } throws: { isReadOnly($0) }
    await #expect { try await other.configDrive(metadata, serverID: server) } throws: { isReadOnly($0) }
    await #expect { try await other.remove(serverID: server) } throws: { isReadOnly($0) }
    #expect(lab.files() == files)
    try small.make(readOnly: false)
    try await other.remove(serverID: server)
    #expect(lab.files() == ["bases/" + lab.base.digest])
  }

  @Test func whateverACrashLeftIsTakenUp() async throws {
    let lab = try Lab()
    defer { lab.end() }
    let server = Identifier.uuid()
    let folder = lab.directory + "/servers/" + server
    func put(_ name: String, _ text: String) throws {
      try Data(text.utf8).write(to: URL(fileURLWithPath: folder + "/" + name))
    }
    func names() throws -> Set<String> { Set(try FileManager.default.contentsOfDirectory(atPath: folder)) }
    _ = try await lab.disks.ensureBase(lab.base, fetch: lab.fetch)
    let disk = lab.root()
    let chain = try await lab.disks.ensureRoot(disk, serverID: server)
    let whole = try names()
    let record = try String(contentsOfFile: folder + "/\(disk.id).json", encoding: .utf8)
    let begun = record.replacing("\"made\":true", with: "\"made\":false")
    try #require(begun != record)

    // Stopped after the record was begun; while qemu-img wrote; while the record itself was written.
    for torn in ["", "\(disk.id).qcow2.new", "\(disk.id).json.new"] {
      try FileManager.default.removeItem(atPath: chain.overlayPath)
      try put("\(disk.id).json", begun)
      if !torn.isEmpty { try put(torn, "half a file") }
      #expect(await lab.disks.rootDiskID(serverID: server) == nil)
      #expect(try await lab.disks.ensureRoot(disk, serverID: server) == chain)
      #expect(try names() == whole)
      _ = try output("/usr/bin/qemu-img", ["info", chain.overlayPath])
    }
    // Stopped between the overlay and the record of it: the very file is taken.
    let inode = try inode(chain.overlayPath)
    try put("\(disk.id).json", begun)
    #expect(await lab.disks.rootDiskID(serverID: server) == disk.id)
    _ = try await lab.disks.ensureRoot(disk, serverID: server)
    #expect(try self.inode(chain.overlayPath) == inode)
    #expect(try String(contentsOfFile: folder + "/\(disk.id).json", encoding: .utf8).contains("\"made\":true"))

    // A config drive that was being made.
    try FileManager.default.createDirectory(
      atPath: folder + "/.config-abc/openstack/latest", withIntermediateDirectories: true)
    try put(".config-abc.img", "half a file")
    _ = try await lab.disks.configDrive(metadata, serverID: server)
    #expect(try names() == whole.union(["config.img"]))

    // A base that was being fetched, when the next node starts.
    let half = lab.directory + "/bases/.new-abc"
    try Data("half a file".utf8).write(to: URL(fileURLWithPath: half))
    let next = Lab.driver(lab.directory)
    _ = try await next.ensureBase(lab.base, fetch: lab.fetch)
    #expect(!FileManager.default.fileExists(atPath: half))
    #expect(lab.fetches.value == 1)

    // A removal that was stopped in the middle.
    try FileManager.default.removeItem(atPath: chain.overlayPath)
    try await next.remove(serverID: server)
    #expect(!FileManager.default.fileExists(atPath: folder))
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    try await next.remove(serverID: server)
    try await next.remove(serverID: server)
    #expect(lab.files() == ["bases/" + lab.base.digest])
  }

  private func inode(_ path: String) throws -> Int? {
    try FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber] as? Int
  }

  @Test func anEditedRecordIsWrittenAnewAndHoldsTheBase() async throws {
    let lab = try Lab()
    defer { lab.end() }
    let server = Identifier.uuid()
    let base = try await lab.disks.ensureBase(lab.base, fetch: lab.fetch)
    let disk = lab.root()
    let chain = try await lab.disks.ensureRoot(disk, serverID: server)
    let path = lab.directory + "/servers/\(server)/\(disk.id).json"
    let record = try String(contentsOfFile: path, encoding: .utf8)
    for edited in [nil, "", "{", "{\"made\":true}", String(repeating: "x", count: 5000)] {
      try FileManager.default.removeItem(atPath: path)
      if let edited { try Data(edited.utf8).write(to: URL(fileURLWithPath: path)) }
      // What it stands on is not known: nothing is taken away under it.
      try await lab.disks.removeUnusedBases(wanted: [])
      #expect(FileManager.default.fileExists(atPath: base))
      #expect(await lab.disks.rootDiskID(serverID: server) == disk.id)
      #expect(try await lab.disks.ensureRoot(disk, serverID: server) == chain)
      #expect(try String(contentsOfFile: path, encoding: .utf8).contains(lab.base.digest))
    }
    // Another digest in it.
    let other = record.replacing(lab.base.digest, with: String(repeating: "ab", count: 32))
    try Data(other.utf8).write(to: URL(fileURLWithPath: path))
    #expect(try await lab.disks.ensureRoot(disk, serverID: server) == chain)
    #expect(try String(contentsOfFile: path, encoding: .utf8).contains(lab.base.digest))

    // A record that nobody can read may be that of a disk with data: nothing is made in its place.
    try FileManager.default.removeItem(atPath: chain.overlayPath)
    try Data("{".utf8).write(to: URL(fileURLWithPath: path))
    await #expect(throws: DiskError.dataMissing(path: chain.overlayPath)) {
      try await lab.disks.ensureRoot(disk, serverID: server)
    }
    #expect(await lab.disks.rootDiskID(serverID: server) == nil)
    try await lab.disks.remove(serverID: server)
  }

  @Test func aBaseThatIsGoneOrCutIsFetchedAgain() async throws {
    let lab = try Lab()
    defer { lab.end() }
    let server = Identifier.uuid()
    #expect(await lab.disks.hasBase(lab.base) == false)
    let path = try await lab.disks.ensureBase(lab.base, fetch: lab.fetch)
    #expect(await lab.disks.hasBase(lab.base))
    let disk = lab.root()
    _ = try await lab.disks.ensureRoot(disk, serverID: server)
    let harms: [() throws -> Void] = [
      { try FileManager.default.removeItem(atPath: path) }, { try #require(truncate(path, 1000) == 0) },
      { try FileManager.default.removeItem(atPath: lab.directory + "/bases") },
    ]
    for (index, harm) in harms.enumerated() {
      try harm()
      #expect(await lab.disks.hasBase(lab.base) == false)
      #expect(try await lab.disks.ensureBase(lab.base, fetch: lab.fetch) == path)
      #expect(await lab.disks.hasBase(lab.base))
      #expect(FileManager.default.contents(atPath: path).map(Array.init) == lab.image)
      #expect(lab.fetches.value == index + 2)
      _ = try await lab.disks.ensureRoot(disk, serverID: server)
    }
    var hostile = lab.base
    hostile.digest = "../../etc/passwd"
    #expect(await lab.disks.hasBase(hostile) == false)
  }

  @Test func fewerBytesThanAnnouncedAreNoBase() async throws {
    let lab = try Lab()
    defer { lab.end() }
    var base = lab.base
    base.sizeBytes += 1
    await #expect(throws: DiskError.self) { try await lab.disks.ensureBase(base, fetch: lab.fetch) }
    #expect(lab.files() == [])
  }

  @Test func removalFindsSomeOfItGone() async throws {
    let lab = try Lab()
    defer { lab.end() }
    let server = Identifier.uuid()
    let folder = lab.directory + "/servers/" + server
    _ = try await lab.disks.ensureBase(lab.base, fetch: lab.fetch)
    _ = try await lab.disks.ensureRoot(lab.root(), serverID: server)
    // Somebody removes files of the folder while we do, and virtlogd puts one back.
    let others = Task.detached {
      while !Task.isCancelled {
        try? Data("log".utf8).write(to: URL(fileURLWithPath: folder + "/console.log"))
        unlink(folder + "/console.log")
      }
    }
    defer { others.cancel() }
    for _ in 0..<20 {
      try await lab.disks.remove(serverID: server)
      _ = try await lab.disks.ensureRoot(lab.root(), serverID: server)
    }
    others.cancel()
    await others.value
    // Something else in the folder's place is removed too, and not what it points to.
    try await lab.disks.remove(serverID: server)
    symlink(lab.directory + "/bases", folder)
    try await lab.disks.remove(serverID: server)
    #expect(lab.files() == ["bases/" + lab.base.digest])
    #expect((try? FileManager.default.attributesOfItem(atPath: folder)) == nil)
  }
}
