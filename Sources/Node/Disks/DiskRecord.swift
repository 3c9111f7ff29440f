import Drivers
import Foundation

/// What is written beside an overlay, so that its base is known without reading the disk, and a disk that was made
/// once is never made again.
struct DiskRecord: Codable, Sendable {
  var baseDigest: String
  var baseFormat: String
  var sizeBytes: Int64
  /// False from before the overlay is made until it has its name.
  var made: Bool
  /// Microseconds since 1970: the newest record names the server's present disk.
  var createdAt: Int64

  /// nil where there is no record. A record that cannot be read is an error: guessing would lose data.
  static func read(_ path: String) throws -> DiskRecord? {
    guard let bytes = try DiskFiles.tail(path, count: 4096) else { return nil }
    do {
      return try JSONDecoder().decode(DiskRecord.self, from: Data(bytes))
    } catch {
      throw DiskError.toolFailed(tool: "disks", reason: "\(path) cannot be read")
    }
  }

  func write(_ path: String) throws {
    let temporary = path + ".new"
    try DiskFiles.remove(temporary)
    try DiskFiles.write(try JSONEncoder().encode(self), to: temporary)
    try DiskFiles.publish(temporary, as: path)
  }
}
