import Kit

/// The names of everything this cloud makes on the host.
struct Names: Sendable, Hashable {
  var tag: CloudTag
  var externalBridge: String

  /// A device inside a namespace, as operators know it: `qr-`, `qg-` or `ns-` and eleven characters of the id.
  static func inside(_ role: String, _ id: String) -> String { "\(role)-\(id.prefix(11))" }

  /// Whether the external bridge is ours to make and to remove.
  var ownsExternalBridge: Bool { externalBridge.hasPrefix(tag.interfacePrefix) }

  func tap(_ portID: String) -> String { tag.interface(.tap, portID) }
  var tapPrefix: String { tag.interface(.tap, "") }
  var gatewayPrefix: String { tag.interface(.gateway, "") }
}
