import Foundation
import Testing

@testable import Images

/// The reader of headers by itself: what QEMU makes is taken, and no bytes whatever bring it down.
struct DiskInspectorTests {
  private func inspect(_ declared: DiskFormat, _ bytes: [UInt8], pieces: Int = 4096) throws -> Inspection {
    var inspector = DiskInspector(declared: declared)
    for start in stride(from: 0, to: bytes.count, by: pieces) {
      try bytes[start..<min(start + pieces, bytes.count)].withUnsafeBytes { try inspector.append($0) }
    }
    return try inspector.finish(size: Int64(bytes.count), tail: Array(bytes.suffix(DiskInspector.tailBytes)))
  }

  @Test(arguments: [
    "compat=0.10", "compat=1.1", "cluster_size=512", "cluster_size=2M", "compression_type=zstd", "extended_l2=on",
    "lazy_refcounts=on", "refcount_bits=1", "refcount_bits=64", "preallocation=metadata",
  ])
  func takesWhatQemuMakes(option: String) async throws {
    let bytes = try await Fixture().qemuImage("-f", "qcow2", "-o", option, "@", "3M")
    for pieces in [1, 511, 65_536] {
      #expect(try inspect(.qcow2, bytes, pieces: pieces) == Inspection(format: .qcow2, virtualSize: 3 << 20))
    }
    #expect(throws: InspectionRefusal.self) { try inspect(.raw, bytes) }
  }

  @Test func takesLargeSparseImages() async throws {
    let bytes = try await Fixture().qemuImage("-f", "qcow2", "@", "8T")
    #expect(try inspect(.qcow2, bytes).virtualSize == 8 << 40)
  }

  @Test func takesRawDisks() throws {
    var disk = [UInt8](repeating: 0, count: 40_000)
    #expect(try inspect(.raw, disk) == Inspection(format: .raw, virtualSize: 40_000))
    disk.replaceSubrange(510..<512, with: [0x55, 0xaa])
    disk.replaceSubrange(512..<520, with: Array("EFI PART".utf8))
    disk.replaceSubrange(32_769..<32_774, with: Array("CD001".utf8))
    #expect(try inspect(.raw, disk).format == .raw)
    #expect(try inspect(.raw, []).virtualSize == 0)
    #expect(try inspect(.raw, [0x51, 0x46]).virtualSize == 2)
  }

  /// Each change of a sound header must be refused, with the field's place and its new value.
  @Test func refusesEachBadField() async throws {
    let sound = try await Fixture().qemuImage("-f", "qcow2", "@", "1M")
    #expect(try inspect(.qcow2, sound).virtualSize == 1 << 20)
    let changes: [(String, Int, [UInt8])] = [
      ("magic", 3, [0xfa]), ("version", 7, [4]), ("version", 7, [1]), ("backing offset", 15, [1]),
      ("backing size", 19, [1]), ("cluster bits", 23, [8]), ("cluster bits", 23, [22]),
      ("size 0", 24, [0, 0, 0, 0, 0, 0, 0, 0]),
      ("size 2^63", 24, [0x80]), ("size over 64 TiB", 24, [0, 0, 0x40, 1]), ("aes", 35, [1]), ("luks", 35, [2]),
      ("L1 too short", 36, [0, 0, 0, 0]), ("L1 too long", 36, [0xff, 0xff, 0xff, 0xff]),
      ("L1 at 0", 40, [0, 0, 0, 0, 0, 0, 0, 0]),
      ("L1 unaligned", 47, [1]), ("L1 outside", 40, [0x7f]),
      ("L1 wraps", 40, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0]),
      ("refcounts outside", 48, [0x7f]), ("refcounts 0", 56, [0, 0, 0, 0]),
      ("refcounts huge", 56, [0xff, 0xff, 0xff, 0xff]),
      ("snapshots", 60, [0xff]), ("data file", 79, [4]), ("corrupt", 79, [2]), ("unknown", 79, [32]),
      ("unknown", 72, [0x80]),
      ("refcount order", 99, [7]), ("header length", 103, [100]), ("header length", 100, [0xff, 0xff, 0xff, 0xff]),
      ("crypto", 112, [0x05, 0x37, 0xbe, 0x77, 0, 0, 0, 0]),
      ("extension length", 112, [1, 2, 3, 4, 0xff, 0xff, 0xff, 0xff]),
    ]
    for (name, offset, bytes) in changes {
      var changed = sound
      changed.replaceSubrange(offset..<(offset + bytes.count), with: bytes)
      #expect(throws: InspectionRefusal.self, "\(name)") { try inspect(.qcow2, changed) }
    }
  }

  @Test func refusesEveryTruncation() async throws {
    let sound = try await Fixture().qemuImage("-f", "qcow2", "@", "1M")
    for count in Array(0..<200) + [1000, 65_535, 65_536, 100_000, 131_071] where count < sound.count {
      #expect(throws: InspectionRefusal.self, "\(count)") { try inspect(.qcow2, Array(sound.prefix(count))) }
    }
  }

  @Test func survivesMutations() async throws {
    let sound = Array(try await Fixture().qemuImage("-f", "qcow2", "@", "1M").prefix(70_000))
    var random = Seeded(state: 42)
    for _ in 0..<4000 {
      var bytes = sound
      if Bool.random(using: &random) { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random)) }
      for _ in 0..<Int.random(in: 1...12, using: &random) where !bytes.isEmpty {
        let place = Int.random(in: 0..<min(bytes.count, 300), using: &random)
        bytes[place] =
          [0, 1, 0x7f, 0x80, 0xff, UInt8.random(in: 0...255, using: &random)].randomElement(using: &random) ?? 0
      }
      for format in DiskFormat.allCases {
        do {
          let found = try inspect(format, bytes, pieces: 70_000)
          #expect(found.format == format)
          #expect((0...(64 << 40)).contains(found.virtualSize))
          // What passes as qcow2 names no other file.
          if format == .qcow2 { #expect(bytes[8..<20].allSatisfy { $0 == 0 } && (bytes[7] == 2 || bytes[79] & 4 == 0)) }
        } catch is InspectionRefusal {}
      }
    }
  }

  private struct Seeded: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state &+= 0x9e37_79b9_7f4a_7c15
      var z = state
      z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
      z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
      return z ^ (z >> 31)
    }
  }
}
