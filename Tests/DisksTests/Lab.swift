import Crypto
import Disks
import Drivers
import Foundation
import Kit
import Logging
import NodeLink
import Synchronization
import Testing

/// A disks driver in a directory of its own, owned by nobody's user, with an image to stand on.
struct Lab: Sendable {
  static let uid: UInt32 = 65534
  let directory: String
  let disks: FileDisks
  let image: [UInt8]
  let fetches = Counter()

  final class Counter: Sendable {
    private let count = Mutex(0)
    func add() { count.withLock { $0 += 1 } }
    var value: Int { count.withLock { $0 } }
  }

  /// - Parameter directory: an existing directory for the disks; a new one where none is given.
  init(directory: String = "/tmp/haneul-disks-" + Identifier.hex()) throws {
    self.directory = directory
    disks = Self.driver(directory)
    image = (0..<200_000).map { _ in UInt8.random(in: 0...255) }
  }

  /// Another life of the node on the same directory.
  static func driver(_ directory: String) -> FileDisks {
    FileDisks(directory: directory, owner: (uid: Self.uid, gid: Self.uid), logger: Logger(label: "test"))
  }

  func end() { try? FileManager.default.removeItem(atPath: directory) }

  var base: ServerSpec.BaseImage {
    let digest = SHA256.hash(data: image).map { String(format: "%02x", $0) }.joined()
    return .init(digest: digest, format: "raw", sizeBytes: Int64(image.count), virtualSizeBytes: 200_192)
  }

  func fetch(_ digest: String, _ write: @Sendable ([UInt8]) async throws -> Void) async throws {
    fetches.add()
    for start in stride(from: 0, to: image.count, by: 65_536) {
      try await write(Array(image[start..<min(start + 65_536, image.count)]))
      try await Task.sleep(for: .milliseconds(5))
    }
  }

  func root(size: Int64 = 1 << 30, made: Bool = false, id: String = Identifier.uuid()) -> ServerSpec.RootDisk {
    .init(id: id, sizeBytes: size, base: base, made: made)
  }

  /// Every file under the directory, relative to it.
  func files() -> [String] {
    let all = FileManager.default.subpaths(atPath: directory) ?? []
    return all.filter {
      var isDirectory: ObjCBool = false
      _ = FileManager.default.fileExists(atPath: directory + "/" + $0, isDirectory: &isDirectory)
      return !isDirectory.boolValue
    }
  }
}

func output(_ tool: String, _ arguments: [String]) throws -> String {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: tool)
  process.arguments = arguments
  let pipe = Pipe()
  process.standardOutput = pipe
  try process.run()
  let bytes = try pipe.fileHandleForReading.readToEnd() ?? Data()
  process.waitUntilExit()
  #expect(process.terminationStatus == 0)
  return String(decoding: bytes, as: UTF8.self)
}

func status(_ path: String) throws -> (uid: Int, mode: Int) {
  let attributes = try FileManager.default.attributesOfItem(atPath: path)
  return (
    (attributes[.ownerAccountID] as? NSNumber)?.intValue ?? -1,
    (attributes[.posixPermissions] as? NSNumber)?.intValue ?? -1
  )
}
