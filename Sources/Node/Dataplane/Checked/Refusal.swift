import Kit

/// Why an object of the intent is not carried out; becomes its `NetworkOutcome`.
struct Refusal: Error, Hashable {
  /// A word of the field, `RulesRejected`.
  var type: String
  /// For people: what is wrong. Never tool output with secrets; names of values only.
  var message: String

  init(_ type: String, _ message: String) {
    self.type = type
    self.message = message
  }
}

/// Reads the texts of a spec into values that cannot carry anything but themselves into a command or a file.
enum Check {
  /// A UUID in lower case: safe in paths, names of namespaces, chains and sets.
  static func id(_ text: String) throws -> String {
    guard text.utf8.count == 36, text.utf8.allSatisfy({ isHex($0) || $0 == UInt8(ascii: "-") }) else {
      throw Refusal("InvalidSpec", "An identifier is not a UUID.")
    }
    return text.lowercased()
  }

  static func mac(_ text: String) throws -> MACAddress {
    guard let mac = MACAddress(text), !mac.isMulticast, mac.bits != 0 else {
      throw Refusal("InvalidSpec", "A MAC address is not a unicast Ethernet address.")
    }
    return mac
  }

  static func address(_ text: String) throws -> IPAddress {
    guard let address = IPAddress(text) else { throw Refusal("InvalidSpec", "An IP address cannot be read.") }
    return address
  }

  static func cidr(_ text: String) throws -> CIDR {
    guard let cidr = CIDR(text) else { throw Refusal("InvalidSpec", "An address block cannot be read.") }
    return cidr
  }

  static func mtu(_ value: Int) throws -> Int {
    guard (68...65521).contains(value) else { throw Refusal("InvalidSpec", "The MTU \(value) is out of range.") }
    return value
  }

  private static func isHex(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte) || (0x41...0x46).contains(byte)
  }
}

extension String {
  /// An identifier as it stands in names of chains and sets: its hex digits.
  var compact: String { replacing("-", with: "") }
}
