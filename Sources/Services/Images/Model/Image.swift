import Kit

/// A disk image with what was asked of it and, once bytes are there, what was found in them.
struct Image: Sendable, Hashable {
  /// Where an image is in its life. Only the service moves it.
  enum Status: String, Sendable {
    /// Known, without bytes.
    case queued
    /// An upload is under way.
    case saving
    case active
    /// Taken out of use by its owner or an administrator: shown, but neither downloaded nor booted.
    case deactivated
  }

  /// Who may use an image besides its owner.
  enum Visibility: String, Sendable, CaseIterable {
    case community
    case `public`
    case `private`
    case shared
  }

  var id: String
  var name: String?
  /// The project it belongs to.
  var owner: String
  var status: Status
  var visibility: Visibility
  var diskFormat: DiskFormat?
  var containerFormat: String?
  /// GiB of root disk and MiB of memory a server needs at the least.
  var minDisk: Int
  var minRAM: Int
  var protected: Bool
  var hidden: Bool
  var createdAt: Timestamp
  var updatedAt: Timestamp
  var tags: [String] = []
  var properties: [String: String] = [:]
  var content: BlobRecord?

  /// Limits of one image; more is answered with 413.
  static let propertiesMax = 128
  static let tagsMax = 128
  static let membersMax = 128
  /// The longest property value, in UTF-8 bytes.
  static let propertyBytesMax = 65_535
  static let containerFormats = ["bare"]

  /// A new image without bytes.
  init(id: String, owner: String, at now: Timestamp) {
    self.id = id
    self.owner = owner
    status = .queued
    visibility = .shared
    minDisk = 0
    minRAM = 0
    protected = false
    hidden = false
    createdAt = now
    updatedAt = now
  }
}

/// Disk formats that are served.
enum DiskFormat: String, Sendable, CaseIterable {
  case raw
  case qcow2
}
