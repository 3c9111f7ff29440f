import Foundation
import Kit
import Testing

@testable import Identity

/// Several control processes use one folder of keys.
struct SharedKeysTests {
  private func folder() throws -> String {
    let folder = FileManager.default.temporaryDirectory.path() + "/haneul-keys-" + Identifier.hex()
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    return folder
  }

  @Test func whatOneRotatesTheOtherReads() throws {
    let folder = try folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let one = try KeyRepository(directory: folder, keysMax: 3)
    let two = try KeyRepository(directory: folder, keysMax: 3)
    let plain = Array("token".utf8)
    // The time of a folder's change is not finer than a clock tick.
    for _ in 0..<5 {
      let before = try two.seal(plain, at: .now())
      usleep(20_000)
      #expect(try one.rotate())
      usleep(20_000)
      // What either seals from now on the other opens, and what was sealed before lives on.
      #expect(two.open(try one.seal(plain, at: .now())) == plain)
      #expect(one.open(try two.seal(plain, at: .now())) == plain)
      #expect(one.open(before) == plain)
    }
    #expect(two.open("no token") == nil)
  }

  /// Two that both find the keys old enough rotate them once: who comes second looks again.
  @Test func aRotationThatIsDueHappensOnce() async throws {
    let folder = try folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let first = try KeyRepository(directory: folder, keysMax: 3)
    let old = Date(timeIntervalSinceNow: -100_000)
    try FileManager.default.setAttributes([.modificationDate: old], ofItemAtPath: folder + "/0")
    let rotated = try await withThrowingTaskGroup(of: Bool.self) { group in
      for _ in 0..<8 {
        let keys = try KeyRepository(directory: folder, keysMax: 3)
        group.addTask { try keys.rotate { Date().timeIntervalSince($0) > 50_000 } }
      }
      return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
    }
    #expect(rotated == 1)
    #expect(try first.numbers == [0, 1, 2])
  }

  @Test func manyThatStartAtOnceMakeOneSetOfKeys() async throws {
    let folder = try folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let all = try await withThrowingTaskGroup(of: KeyRepository.self) { group in
      for _ in 0..<8 { group.addTask { try KeyRepository(directory: folder, keysMax: 3) } }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    let token = try all[0].seal(Array("token".utf8), at: .now())
    for keys in all { #expect(keys.open(token) != nil) }
  }
}
