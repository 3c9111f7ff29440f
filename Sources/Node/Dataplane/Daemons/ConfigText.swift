import Kit
import NodeLink

/// Writes values into the files of daemons: nothing that could end a line, open a quote or begin a comment gets in.
enum ConfigText {
  static let valueBytesMax = 1024

  /// A free value of an option. Throws `Refusal` where it holds anything but printable ASCII without `"` and `\`.
  static func value(_ text: String) throws -> String {
    guard text.utf8.count <= valueBytesMax else { throw refused("longer than \(valueBytesMax) bytes") }
    for byte in text.utf8 {
      guard (0x20...0x7e).contains(byte), byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") else {
        throw refused("with a character that cannot stand in a daemon's file")
      }
    }
    guard !text.hasPrefix("#"), !text.contains(" #") else { throw refused("that begins a comment") }
    return text
  }

  /// A word between commas: like a value, without commas, colons and blanks.
  static func word(_ text: String) throws -> String {
    guard !text.isEmpty, text.utf8.count <= 64, text.utf8.allSatisfy(isWordByte) else {
      throw refused("whose name is not a plain word or number")
    }
    return text
  }

  private static func isWordByte(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x61...0x7a).contains(byte) || (0x41...0x5a).contains(byte) || byte == 0x2d
  }

  private static func refused(_ why: String) -> Refusal {
    Refusal("DHCPOptionRefused", "A DHCP option \(why) is refused.")
  }
}
