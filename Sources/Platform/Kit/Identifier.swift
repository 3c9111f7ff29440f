import Foundation

/// Makes and checks the identifiers OpenStack uses.
public enum Identifier {
  /// A random UUID in lower case with dashes, as Nova, Neutron and Glance write it.
  public static func uuid() -> String { UUID().uuidString.lowercased() }

  /// A random UUID in lower case without dashes, as Keystone writes it.
  public static func hex() -> String { uuid().replacing("-", with: "") }

  /// A request id, `req-<uuid>`.
  public static func request() -> String { "req-" + uuid() }

  /// Whether `text` is a UUID with dashes in either case.
  public static func isUUID(_ text: String) -> Bool { text.utf8.count == 36 && UUID(uuidString: text) != nil }
}
