/// The header of a qcow2 image, read so strictly that what passes names no other file and asks for no absurd amount of
/// memory. The layout is that of QEMU's `docs/interop/qcow2.txt`.
struct QCOW2Header: Sendable {
  static let name = "qcow2"
  /// The largest disk taken, in bytes: 64 TiB.
  static let virtualSizeMax: UInt64 = 64 << 40
  /// QEMU's own limits of the two tables it keeps in memory, in bytes.
  private static let l1BytesMax: UInt64 = 32 << 20
  private static let refcountTableBytesMax: UInt64 = 8 << 20
  private static let snapshotsMax: UInt32 = 65_536

  private enum Extension {
    static let end: UInt32 = 0
    static let dataFile: UInt32 = 0x4441_5441
    static let crypto: UInt32 = 0x0537_be77
  }

  private enum Feature {
    static let corrupt: UInt64 = 1 << 1
    static let dataFile: UInt64 = 1 << 2
    /// Dirty, corrupt, external data file, compression type, extended L2 entries.
    static let known: UInt64 = 0b1_1111
    static let extendedL2: UInt64 = 1 << 4
  }

  /// Size in bytes of the disk inside.
  let virtualSize: Int64
  private let clusterBytes: UInt64
  private let l1Offset: UInt64
  private let l1Bytes: UInt64
  private let refcountOffset: UInt64
  private let refcountBytes: UInt64

  /// Reads the header from an image's first bytes. Throws `InspectionRefusal`.
  init(_ head: [UInt8]) throws {
    let fields = BigEndianFields(head)
    let version = try fields.u32(4)
    guard version == 2 || version == 3 else {
      throw InspectionRefusal("The image is qcow version \(version); versions 2 and 3 are supported.")
    }
    guard try fields.u64(8) == 0, try fields.u32(16) == 0 else {
      throw InspectionRefusal("The image names a backing file.")
    }
    let clusterBits = try fields.u32(20)
    guard (9...21).contains(clusterBits) else { throw InspectionRefusal("The image's cluster size is out of range.") }
    guard try fields.u32(32) == 0 else { throw InspectionRefusal("The image is encrypted.") }
    guard try fields.u32(60) <= Self.snapshotsMax else { throw InspectionRefusal("The image has too many snapshots.") }
    let features = version == 3 ? try fields.u64(72) : 0
    try Self.check(features: features)
    let headerBytes = version == 3 ? Int(try fields.u32(100)) : 72
    clusterBytes = 1 << UInt64(clusterBits)
    guard headerBytes >= (version == 3 ? 104 : 72), headerBytes <= clusterBytes else {
      throw InspectionRefusal("The image's header has an impossible length.")
    }
    if version == 3, try fields.u32(96) > 6 { throw InspectionRefusal("The image's reference counts are too wide.") }
    try Self.checkExtensions(fields, from: headerBytes, clusterBytes: Int(clusterBytes))

    let size = try fields.u64(24)
    guard size > 0, size <= Self.virtualSizeMax else {
      throw InspectionRefusal("The image's virtual size is 0 or more than 64 TiB.")
    }
    virtualSize = Int64(size)
    let entryBytes: UInt64 = features & Feature.extendedL2 != 0 ? 16 : 8
    let bytesPerL1Entry = clusterBytes / entryBytes * clusterBytes
    let l1Entries = UInt64(try fields.u32(36))
    guard l1Entries * 8 <= Self.l1BytesMax, l1Entries >= (size + bytesPerL1Entry - 1) / bytesPerL1Entry else {
      throw InspectionRefusal("The image's L1 table does not fit its virtual size.")
    }
    l1Bytes = l1Entries * 8
    l1Offset = try fields.u64(40)
    refcountOffset = try fields.u64(48)
    refcountBytes = UInt64(try fields.u32(56)) * clusterBytes
    guard refcountBytes > 0, refcountBytes <= Self.refcountTableBytesMax else {
      throw InspectionRefusal("The image's reference count table is empty or too large.")
    }
  }

  private static func check(features: UInt64) throws {
    if features & Feature.dataFile != 0 { throw InspectionRefusal("The image keeps its data in an external file.") }
    if features & Feature.corrupt != 0 { throw InspectionRefusal("The image is marked as corrupt.") }
    if features & ~Feature.known != 0 { throw InspectionRefusal("The image needs features that are not known.") }
  }

  /// Walks the header extensions, which end with type 0 or at the end of the first cluster.
  private static func checkExtensions(_ fields: BigEndianFields, from start: Int, clusterBytes: Int) throws {
    var offset = start
    while offset + 8 <= clusterBytes {
      let type = try fields.u32(offset)
      if type == Extension.end { return }
      if type == Extension.dataFile { throw InspectionRefusal("The image names an external data file.") }
      if type == Extension.crypto { throw InspectionRefusal("The image is encrypted.") }
      let length = Int(try fields.u32(offset + 4))
      guard length <= clusterBytes else { throw InspectionRefusal("The image's header extensions are malformed.") }
      offset += 8 + (length + 7) / 8 * 8
    }
  }

  /// Whether the tables that the header points at lie inside a file of `fileSize` bytes. Throws `InspectionRefusal`.
  func checkTables(fileSize: Int64) throws {
    for (offset, bytes) in [(l1Offset, l1Bytes), (refcountOffset, refcountBytes)] {
      let (end, overflow) = offset.addingReportingOverflow(bytes)
      guard offset >= clusterBytes, offset % clusterBytes == 0, !overflow, end <= UInt64(max(fileSize, 0)) else {
        throw InspectionRefusal("The image is truncated: a table its header points at is not in it.")
      }
    }
  }
}

/// Numbers at fixed places of a header, most significant byte first.
struct BigEndianFields: Sendable {
  private let bytes: [UInt8]

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// Throws `InspectionRefusal` where the bytes end before.
  func u32(_ offset: Int) throws -> UInt32 { UInt32(try read(offset, 4)) }
  func u64(_ offset: Int) throws -> UInt64 { try read(offset, 8) }

  private func read(_ offset: Int, _ count: Int) throws -> UInt64 {
    guard offset >= 0, offset <= bytes.count - count else {
      throw InspectionRefusal("The image's header is cut short.")
    }
    return bytes[offset..<(offset + count)].reduce(0) { $0 << 8 | UInt64($1) }
  }
}
