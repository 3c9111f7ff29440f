import Foundation
import Kit
import Testing

@testable import Cloud

/// A state directory on a disk that takes nothing.
@Suite(.enabled(if: geteuid() == 0)) struct StateDiskTests {
  private func withDisk(_ body: (StateDirectory, _ mount: (String) throws -> Void) throws -> Void) throws {
    let place = "/tmp/haneul-statedisk-" + Identifier.hex()
    try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
    func run(_ words: [String]) throws {
      let process = Process()
      process.executableURL = URL(filePath: "/usr/bin/env")
      process.arguments = words
      try process.run()
      process.waitUntilExit()
      if process.terminationStatus != 0 { throw CloudProblem(words.joined(separator: " ")) }
    }
    try run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", place])
    defer {
      try? run(["umount", "-l", place])
      try? FileManager.default.removeItem(atPath: place)
    }
    try body(StateDirectory(place + "/state")) { try run(["mount", "-o", "remount,\($0)", place]) }
  }

  private func refusal(_ body: () throws -> Void) -> String {
    do { try body() } catch { return (error as? CloudProblem)?.description ?? "no CloudProblem: \(error)" }
    return "nothing was refused"
  }

  @Test func aFullDiskIsSaid() throws {
    try withDisk { state, _ in
      let user = SystemUser(uid: getuid(), gid: getgid())
      try state.prepare(controlUser: user)
      try state.checkWritable()
      let ballast = state.path + "/ballast"
      let file = open(ballast, O_WRONLY | O_CREAT, 0o600)
      let bytes = [UInt8](repeating: 1, count: 4096)
      while write(file, bytes, bytes.count) == bytes.count {}
      close(file)
      #expect(refusal { try state.checkWritable() }.contains("the disk is full"))
      // Nothing half written is left, and what was there is as it was.
      #expect(try !FileManager.default.contentsOfDirectory(atPath: state.path).contains { $0.hasSuffix(".new") })
      unlink(ballast)
      try state.checkWritable()
    }
  }

  @Test func aReadOnlyDiskIsSaid() throws {
    try withDisk { state, remount in
      try remount("ro")
      let user = SystemUser(uid: getuid(), gid: getgid())
      #expect(refusal { try state.prepare(controlUser: user) }.contains("read-only"))
      try remount("rw")
      try state.prepare(controlUser: user)
      try remount("ro")
      #expect(refusal { try state.prepare(controlUser: user) }.contains("read-only"))
      #expect(refusal { try state.checkWritable() }.contains("read-only"))
      try remount("rw")
      try state.prepare(controlUser: user)
    }
  }

  @Test func aLockTellsWhoRunsOnAFullDiskToo() throws {
    try withDisk { state, _ in
      try state.prepare(controlUser: SystemUser(uid: getuid(), gid: getgid()))
      let path = state.lock(.node)
      do {
        let lock = try ProcessLock(path)
        withExtendedLifetime(lock) {}
      }
      let file = open(state.path + "/ballast", O_WRONLY | O_CREAT, 0o600)
      let bytes = [UInt8](repeating: 1, count: 4096)
      while write(file, bytes, bytes.count) == bytes.count {}
      close(file)
      let lock = try ProcessLock(path)
      #expect(ProcessLock.holder(path) == getpid())
      withExtendedLifetime(lock) {}
    }
  }
}
