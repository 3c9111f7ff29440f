import Drivers
import Foundation

/// What is written beside an overlay, so that its base is known without reading the disk, and a disk that was made
/// once is never made again.
struct DiskRecord: Codable, Sendable, Equatable {
  var baseDigest: String
  var baseFormat: String
  var sizeBytes: Int64
  /// False from before the overlay is made until it has its name.
  var made: Bool
  /// Microseconds since 1970: the newest record names the server's present disk.
  var createdAt: Int64

  /// What stands at a record's place.
  enum Found: Equatable {
    case none
    case record(DiskRecord)
    /// It cannot be understood: somebody edited it. A disk may have been made all the same.
    case unreadable
  }

  static let bytesMax = 4096

  static func find(_ path: String) throws -> Found {
    guard let bytes = try DiskFiles.tail(path, count: bytesMax) else { return .none }
    return (try? JSONDecoder().decode(DiskRecord.self, from: Data(bytes))).map(Found.record) ?? .unreadable
  }

  /// The record; nil where there is none that can be read.
  static func readable(_ path: String) -> DiskRecord? {
    guard case .record(let record)? = try? find(path) else { return nil }
    return record
  }

  /// Gives the record its name once it is whole; a failure leaves what was there before.
  func write(_ path: String) throws {
    let temporary = path + ".new"
    try DiskFiles.remove(temporary)
    try DiskFiles.write(try JSONEncoder().encode(self), to: temporary)
    do {
      try DiskFiles.publish(temporary, as: path)
    } catch {
      try? DiskFiles.remove(temporary)
      throw error
    }
  }
}
