import Crypto
import Disks
import Drivers
import Foundation
import Kit
import Logging
import NodeLink
import Testing

@Suite struct FileDisksTests {
  @Test func concurrentCallsShareOneFetch() async throws {
    let lab = try Lab()
    defer { lab.end() }
    let paths = try await withThrowingTaskGroup(of: String.self) { group in
      for _ in 0..<8 { group.addTask { try await lab.disks.ensureBase(lab.base, fetch: lab.fetch) } }
      return try await group.reduce(into: Set<String>()) { $0.insert($1) }
    }
    let path = try #require(paths.first)
    #expect(paths.count == 1)
    #expect(lab.fetches.value == 1)
    #expect(FileManager.default.contents(atPath: path).map(Array.init) == lab.image)
    #expect(try status(path) == (0, 0o440))
    _ = try await lab.disks.ensureBase(lab.base, fetch: lab.fetch)
    #expect(lab.fetches.value == 1)
  }

  @Test func whatHasTheWrongDigestLeavesNothing() async throws {
    let lab = try Lab()
    defer { lab.end() }
    var base = lab.base
    base.digest = String(repeating: "ab", count: 32)
    await #expect(throws: DiskError.digestMismatch(expected: base.digest, found: lab.base.digest)) {
      try await lab.disks.ensureBase(base, fetch: lab.fetch)
    }
    #expect(lab.files() == [])
  }

  @Test func moreBytesThanAnnouncedAreRefused() async throws {
    let lab = try Lab()
    defer { lab.end() }
    var base = lab.base
    base.sizeBytes = 100_000
    await #expect(throws: DiskError.self) { try await lab.disks.ensureBase(base, fetch: lab.fetch) }
    #expect(lab.files() == [])
  }

  @Test func aDigestNeverBecomesAnotherPath() async throws {
    let lab = try Lab()
    defer { lab.end() }
    var base = lab.base
    base.digest = "../../etc/passwd"
    await #expect(throws: DiskError.self) { try await lab.disks.ensureBase(base, fetch: lab.fetch) }
    await #expect(throws: DiskError.self) { try await lab.disks.remove(serverID: "..") }
    #expect(lab.disks.consoleLogPath(serverID: "../../x") == lab.directory + "/servers/none/console.log")
  }

  @Test func twoServersStandOnOneBase() async throws {
    let lab = try Lab()
    defer { lab.end() }
    let base = try await lab.disks.ensureBase(lab.base, fetch: lab.fetch)
    for server in [Identifier.uuid(), Identifier.uuid()] {
      let disk = lab.root()
      let chain = try await lab.disks.ensureRoot(disk, serverID: server)
      #expect(chain.basePath == base)
      let info = try output("/usr/bin/qemu-img", ["info", "--output=json", "--backing-chain", chain.overlayPath])
      #expect(info.contains("\"virtual-size\": 1073741824"))
      #expect(info.contains("\"full-backing-filename\": \"\(base)\""))
      #expect(info.contains("\"backing-filename-format\": \"raw\""))
      #expect(try status(chain.overlayPath) == (Int(Lab.uid), 0o600))
      #expect(await lab.disks.rootDiskID(serverID: server) == disk.id)
    }
    #expect(lab.files().count { $0.hasPrefix("bases/") } == 1)
  }

  @Test func aDiskIsMadeOnce() async throws {
    let lab = try Lab()
    defer { lab.end() }
    let server = Identifier.uuid()
    _ = try await lab.disks.ensureBase(lab.base, fetch: lab.fetch)
    let disk = lab.root()
    let chain = try await lab.disks.ensureRoot(disk, serverID: server)
    let inode = try #require(
      try FileManager.default.attributesOfItem(atPath: chain.overlayPath)[.systemFileNumber] as? Int)
    // Control may not have heard of it yet: the same file all the same.
    #expect(try await lab.disks.ensureRoot(disk, serverID: server) == chain)
    #expect(
      try FileManager.default.attributesOfItem(atPath: chain.overlayPath)[.systemFileNumber] as? Int == inode)
    try FileManager.default.removeItem(atPath: chain.overlayPath)
    for made in [false, true] {
      await #expect(throws: DiskError.dataMissing(path: chain.overlayPath)) {
        try await lab.disks.ensureRoot(lab.root(made: made, id: disk.id), serverID: server)
      }
    }
    #expect(await lab.disks.rootDiskID(serverID: server) == nil)
  }

  @Test func aDiskThatControlKnowsIsNotMadeAgain() async throws {
    let lab = try Lab()
    defer { lab.end() }
    _ = try await lab.disks.ensureBase(lab.base, fetch: lab.fetch)
    await #expect(throws: DiskError.self) {
      try await lab.disks.ensureRoot(lab.root(made: true), serverID: Identifier.uuid())
    }
    #expect(lab.files().allSatisfy { $0.hasPrefix("bases/") })
  }

  @Test func sizeIsTheImagesOrMore() async throws {
    let lab = try Lab()
    defer { lab.end() }
    let server = Identifier.uuid()
    _ = try await lab.disks.ensureBase(lab.base, fetch: lab.fetch)
    await #expect(throws: DiskError.self) {
      try await lab.disks.ensureRoot(lab.root(size: 100_000), serverID: server)
    }
    let chain = try await lab.disks.ensureRoot(lab.root(size: 0), serverID: server)
    let info = try output("/usr/bin/qemu-img", ["info", "--output=json", chain.overlayPath])
    #expect(info.contains("\"virtual-size\": 200192"))
  }

  @Test func basesGoOnlyWhenNothingStandsOnThem() async throws {
    let lab = try Lab()
    defer { lab.end() }
    let server = Identifier.uuid()
    let base = try await lab.disks.ensureBase(lab.base, fetch: lab.fetch)
    try await lab.disks.removeUnusedBases(wanted: [lab.base.digest])
    #expect(FileManager.default.fileExists(atPath: base))
    _ = try await lab.disks.ensureRoot(lab.root(), serverID: server)
    try await lab.disks.removeUnusedBases(wanted: [])
    #expect(FileManager.default.fileExists(atPath: base))
    try await lab.disks.remove(serverID: server)
    try await lab.disks.removeUnusedBases(wanted: [])
    #expect(!FileManager.default.fileExists(atPath: base))
  }

  @Test func configDriveReadsBack() async throws {
    let lab = try Lab()
    defer { lab.end() }
    let server = Identifier.uuid()
    let userData = Data("#!/bin/sh\necho \u{00e9}\n".utf8)
    let metadata = ServerSpec.Metadata(
      metaData: #"{"uuid":"x"}"#, networkData: #"{"links":[]}"#, vendorData: "{}",
      userDataBase64: userData.base64EncodedString(), ec2: ["local-hostname": "web"])
    let image = try await lab.disks.configDrive(metadata, serverID: server)
    #expect(try await lab.disks.configDrive(metadata, serverID: server) == image)
    func read(_ path: String) throws -> String { try output("/usr/bin/mtype", ["-i", image, "::/" + path]) }
    #expect(try read("openstack/latest/meta_data.json") == metadata.metaData)
    #expect(try read("openstack/latest/network_data.json") == metadata.networkData)
    #expect(try read("openstack/latest/vendor_data.json") == metadata.vendorData)
    #expect(try read("openstack/latest/user_data") == String(decoding: userData, as: UTF8.self))
    #expect(try read("ec2/latest/meta-data.json") == #"{"local-hostname":"web"}"#)
    #expect(try output("/usr/sbin/blkid", ["-o", "value", "-s", "LABEL", image]) == "config-2\n")
    #expect(try status(image) == (Int(Lab.uid), 0o400))
    #expect(lab.files() == ["servers/\(server)/config.img"])
  }

  @Test func removalLeavesNothingAndMayBeRepeated() async throws {
    let lab = try Lab()
    defer { lab.end() }
    let server = Identifier.uuid()
    _ = try await lab.disks.ensureBase(lab.base, fetch: lab.fetch)
    _ = try await lab.disks.ensureRoot(lab.root(), serverID: server)
    let console = lab.disks.consoleLogPath(serverID: server)
    try Data("hello".utf8).write(to: URL(fileURLWithPath: console))
    try Data("older ".utf8).write(to: URL(fileURLWithPath: console + ".0"))
    #expect(try await lab.disks.consoleLog(serverID: server, bytesMax: 3) == Array("llo".utf8))
    #expect(try await lab.disks.consoleLog(serverID: server, bytesMax: 100) == Array("older hello".utf8))
    try await lab.disks.remove(serverID: server)
    try await lab.disks.remove(serverID: server)
    #expect(lab.files() == ["bases/" + lab.base.digest])
    #expect(try await lab.disks.consoleLog(serverID: server, bytesMax: 3) == nil)
  }

  @Test func anUnreachableDirectoryIsNamed() async throws {
    let closed = "/tmp/haneul-closed-" + Identifier.hex()
    try FileManager.default.createDirectory(atPath: closed, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(atPath: closed) }
    try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: closed)
    let disks = FileDisks(
      directory: closed + "/disks", owner: (uid: Lab.uid, gid: Lab.uid), logger: Logger(label: "test"))
    await #expect {
      try await disks.removeUnusedBases(wanted: [])
    } throws: {
      "\($0)".contains("chmod o+x \(closed)")
    }
  }
}
