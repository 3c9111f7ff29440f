/// Recognises image formats by their marks.
enum ForeignFormat {
  private struct Mark {
    var name: String
    var offset: Int
    var bytes: [UInt8]

    init(_ name: String, at offset: Int = 0, _ bytes: [UInt8]) {
      self.name = name
      self.offset = offset
      self.bytes = bytes
    }

    init(_ name: String, at offset: Int = 0, _ text: String) { self.init(name, at: offset, Array(text.utf8)) }
  }

  /// Marks at the beginning. QED, VDI and the rest are what QEMU itself would recognise when asked to guess.
  private static let headMarks = [
    Mark(QCOW2Header.name, [0x51, 0x46, 0x49, 0xfb]),
    Mark("qed", "QED\0"),
    Mark("vmdk", "KDMV"),
    Mark("vmdk", "COWD"),
    Mark("vhd", "conectix"),
    Mark("vhdx", "vhdxfile"),
    Mark("vdi", at: 64, [0x7f, 0x10, 0xda, 0xbe]),
    Mark("luks", [0x4c, 0x55, 0x4b, 0x53, 0xba, 0xbe]),
    Mark("parallels", "WithoutFreeSpace"),
    Mark("parallels", "WithouFreSpacExt"),
    Mark("bochs", "Bochs Virtual HD Image"),
    Mark("cloop", "#!/bin/sh\n#V2.0 Format\n"),
  ]

  /// Marks at the beginning of the last 512 bytes.
  private static let tailMarks = [Mark("vhd", "conectix"), Mark("dmg", "koly")]

  /// The format that an image with this beginning has; nil where it is none that is known.
  static func detect(head: [UInt8]) -> String? {
    find(headMarks, in: head) ?? (isDescriptor(head) ? "vmdk" : nil)
  }

  /// The format that an image with these last 512 bytes has; nil where it is none that is known.
  static func detect(tail: [UInt8]) -> String? {
    // A fixed VHD's mark is 512 bytes before the end, or 511 in images by old tools.
    find(tailMarks, in: tail) ?? find(tailMarks, in: Array(tail.dropFirst()))
  }

  private static func find(_ marks: [Mark], in bytes: [UInt8]) -> String? {
    marks.first { mark in
      bytes.count >= mark.offset + mark.bytes.count
        && bytes[mark.offset..<(mark.offset + mark.bytes.count)].elementsEqual(mark.bytes)
    }?.name
  }

  /// Whether the bytes read as a VMDK descriptor: a text that names the files with the data. It is one where the
  /// customary first comment stands anywhere in the head's leading text, or where comments and blank lines are
  /// followed by `version=`.
  private static func isDescriptor(_ head: [UInt8]) -> Bool {
    let comment = Array("# Disk DescriptorFile".utf8)
    let version = Array("version=".utf8)
    for line in head.prefix(4096).split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: true) {
      if line.starts(with: comment) { return true }
      let text = line.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\r") || $0 == UInt8(ascii: "\t") }
      if text.isEmpty || text.first == UInt8(ascii: "#") { continue }
      return text.lazy.map { $0 | 0x20 }.starts(with: version.lazy.map { $0 | 0x20 })
    }
    return false
  }
}
