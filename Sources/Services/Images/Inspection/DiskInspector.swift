/// Reads the header of an image as it streams by, and refuses bytes that are not what they are declared to be, or that
/// would make a reader open another file.
///
/// It never looks at more than the first `headBytes` and the last `tailBytes`, so its memory and its work are bounded
/// whatever the bytes are. A raw image may hold anything a disk may hold (a partition table, a file system, an ISO 9660
/// file system), but must not begin or end as another image format does: such a disk would be opened as that format by
/// a tool that guesses.
struct DiskInspector: Sendable {
  /// Bytes of the beginning that are looked at: all of a qcow2 header with its extensions.
  static let headBytes = 64 * 1024
  /// Bytes of the end that are looked at: where fixed VHD and DMG images have their mark.
  static let tailBytes = 512

  let declared: DiskFormat
  private var head: [UInt8] = []
  private var qcow2: QCOW2Header?
  private var headDone = false

  init(declared: DiskFormat) { self.declared = declared }

  /// Takes the next piece of the stream. Throws `InspectionRefusal` as soon as the header says enough.
  mutating func append(_ bytes: UnsafeRawBufferPointer) throws {
    if headDone { return }
    head.append(contentsOf: bytes.prefix(Self.headBytes - head.count))
    if head.count == Self.headBytes { try inspectHead() }
  }

  /// Judges the whole: `size` bytes, of which `tail` are the last `tailBytes` or all. Throws `InspectionRefusal`.
  mutating func finish(size: Int64, tail: [UInt8]) throws -> Inspection {
    if !headDone { try inspectHead() }
    if let qcow2 {
      try qcow2.checkTables(fileSize: size)
      return Inspection(format: .qcow2, virtualSize: qcow2.virtualSize)
    }
    if let found = ForeignFormat.detect(tail: tail) { throw Self.lie(declared, found) }
    return Inspection(format: .raw, virtualSize: size)
  }

  private mutating func inspectHead() throws {
    headDone = true
    defer { head = [] }
    let found = ForeignFormat.detect(head: head)
    switch declared {
    case .raw:
      if let found { throw Self.lie(.raw, found) }
    case .qcow2:
      guard found == QCOW2Header.name else { throw Self.lie(.qcow2, found ?? "raw") }
      qcow2 = try QCOW2Header(head)
    }
  }

  private static func lie(_ declared: DiskFormat, _ found: String) -> InspectionRefusal {
    InspectionRefusal("The image is declared as \(declared.rawValue), but its content is \(found).")
  }
}
