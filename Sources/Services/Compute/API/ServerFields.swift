import API
import Foundation
import Kit

/// Readers of what several bodies share. Each throws `Fault` 400.
enum ServerFields {
  static let tagsMax = 50
  static let tagLengthMax = 60

  /// A name: 1 to 255 printable characters without blanks at its ends.
  static func name(_ fields: JSONFields, _ member: String = "name") throws -> String {
    try checkName(fields, member, fields.string(member, 1...255))
  }

  static func optionalName(_ fields: JSONFields, _ member: String) throws -> String? {
    try fields.optionalString(member, 1...255).map { try checkName(fields, member, $0) }
  }

  private static func checkName(_ fields: JSONFields, _ member: String, _ text: String) throws -> String {
    guard text.first?.isWhitespace == false, text.last?.isWhitespace == false,
      text.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control && $0.value != 0x2028 })
    else { throw fields.invalid(member, "it must be printable, without blanks at its ends") }
    return text
  }

  /// A JSON object of strings. Throws `Fault` 400.
  static func metadata(_ fields: JSONFields, _ member: String) throws -> [String: String]? {
    switch fields.value(member) {
    case nil: return nil
    case .object(let members)?: return try metadata(members)
    default: throw fields.invalid(member, "it must be an object")
    }
  }

  static func metadata(_ members: [String: JSONValue]) throws -> [String: String] {
    try Dictionary(
      members.map { name, value in
        guard (1...255).contains(name.count), name.allSatisfy(isMetadataCharacter) else {
          throw Fault.badRequest("Invalid metadata key \(name.quoted).")
        }
        guard let text = value.string, text.count <= 255, !text.utf8.contains(0) else {
          throw Fault.badRequest("The value of metadata key \(name.quoted) must be a string of at most 255 characters.")
        }
        return (name, text)
      }, uniquingKeysWith: { $1 })
  }

  private static func isMetadataCharacter(_ character: Character) -> Bool {
    character.isASCII && (character.isLetter || character.isNumber || "-_:. /".contains(character))
  }

  static func text(_ metadata: [String: String]) -> String {
    JSONValue.object(metadata.mapValues(JSONValue.string)).text
  }

  /// Distinct tags in order.
  static func tags(_ values: [String]) throws -> [String] {
    guard values.count <= tagsMax else { throw Fault.badRequest("A server can have at most \(tagsMax) tags.") }
    var tags: [String] = []
    for value in values {
      try checkTag(value)
      if !tags.contains(value) { tags.append(value) }
    }
    return tags
  }

  static func checkTag(_ tag: String) throws {
    guard (1...tagLengthMax).contains(tag.count), !tag.contains(","), !tag.contains("/"), !tag.utf8.contains(0) else {
      throw Fault.badRequest(
        "Tag \(tag.quoted) is invalid: 1 to \(tagLengthMax) characters without ',' and '/'.")
    }
  }

  /// A hostname (2.90), or a name with dots (2.94).
  static func hostname(_ fields: JSONFields, dotted: Bool) throws -> String? {
    guard let name = try fields.optionalString("hostname", 1...(dotted ? 255 : 63)) else { return nil }
    let labels = name.split(separator: ".", omittingEmptySubsequences: false)
    let good = labels.allSatisfy { label in
      (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
        && label.utf8.allSatisfy { byte in
          UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20 || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
            || byte == UInt8(ascii: "-")
        }
    }
    guard good, dotted || labels.count == 1 else { throw fields.invalid("hostname", "it is no host name") }
    return name
  }

  /// A DNS-safe name made from a server's display name.
  static func hostname(from name: String, id: String) -> String {
    var host = ""
    for byte in name.lowercased().utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
        host.unicodeScalars.append(Unicode.Scalar(byte))
      case UInt8(ascii: " "), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."): host += "-"
      default: continue
      }
    }
    let trimmed = host.drop { $0 == "-" }.prefix(63)
    var result = String(trimmed)
    while result.hasSuffix("-") { result.removeLast() }
    return result.isEmpty ? "server-\(id)" : result
  }

  /// An address to reach the server by; empty text takes it away.
  static func access(_ fields: JSONFields, _ member: String, version: Int, old: String?) throws -> String? {
    switch try fields.patchString(member) {
    case .absent: return old
    case .null: return nil
    case .value(""): return nil
    case .value(let text):
      guard let address = IPAddress(text), address.version == version else {
        throw fields.invalid(member, "\(text.quoted) is no IPv\(version) address")
      }
      return address.description
    }
  }
}
