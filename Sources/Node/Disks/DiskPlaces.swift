import Drivers
import Kit

/// Where each file of the disks stands. Ids are checked here, before they become part of a path.
struct DiskPlaces: Sendable {
  /// What a temporary base begins with; whatever has it after a crash is thrown away.
  static let temporaryPrefix = ".new-"

  let directory: String

  var bases: String { directory + "/bases" }
  var servers: String { directory + "/servers" }

  /// A base under its digest: SHA-256 in lower-case hex.
  func base(_ digest: String) throws -> String {
    guard Self.isDigest(digest) else {
      throw DiskError.baseUnavailable(reason: "the image's digest is no SHA-256 in lower-case hex")
    }
    return bases + "/" + digest
  }

  func temporaryBase() -> String { bases + "/" + Self.temporaryPrefix + Identifier.hex() }

  func server(_ serverID: String) throws -> String { servers + "/" + (try Self.checked(serverID)) }

  func overlay(_ diskID: String, of serverID: String) throws -> String {
    try server(serverID) + "/" + Self.checked(diskID) + ".qcow2"
  }

  func record(_ diskID: String, of serverID: String) throws -> String {
    try server(serverID) + "/" + Self.checked(diskID) + ".json"
  }

  func configDrive(_ serverID: String) throws -> String { try server(serverID) + "/config.img" }

  static func isDigest(_ text: String) -> Bool {
    text.utf8.count == 64
      && text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || (0x61...0x66).contains($0) }
  }

  private static func checked(_ id: String) throws -> String {
    guard Identifier.isUUID(id) else { throw DiskError.toolFailed(tool: "disks", reason: "an id is no UUID") }
    return id.lowercased()
  }
}
