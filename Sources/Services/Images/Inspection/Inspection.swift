/// What the inspector found in an image's bytes.
struct Inspection: Sendable, Hashable {
  var format: DiskFormat
  /// Size in bytes of the disk inside.
  var virtualSize: Int64
}

/// Why bytes are not taken as an image. The text is for the user.
struct InspectionRefusal: Error, Sendable, Hashable, CustomStringConvertible {
  var description: String

  init(_ description: String) { self.description = description }
}
