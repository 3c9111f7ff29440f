import Kit

/// What a name on the host stands for, by the cloud's rules of naming.
struct HostName: Sendable, Hashable {
  /// The kind of resource it was made for.
  var kind: String
  /// The resource's id, or as much of its beginning as the name carries.
  var id: String
  /// What the name is: `tap`.
  var what: String

  /// nil for a name that this cloud gives to nothing.
  init?(_ text: String, tag: CloudTag) {
    if text.hasPrefix(tag.interfacePrefix), let found = Self.interface(text.dropFirst(tag.interfacePrefix.count)) {
      self = found
    } else if let found = Self.inside(text) {
      self = found
    } else if text.hasPrefix(tag.namespacePrefix), let found = Self.object(text.dropFirst(tag.namespacePrefix.count)) {
      self = found
    } else {
      return nil
    }
  }

  private init(_ kind: String, _ id: some StringProtocol, _ what: String) {
    self.kind = kind
    self.id = String(id)
    self.what = what
  }

  /// An interface on the host without its prefix: role and nine digits of the id.
  private static func interface(_ rest: Substring) -> HostName? {
    guard let role = rest.first.flatMap({ CloudTag.Role(rawValue: String($0)) }) else { return nil }
    let digits = rest.dropFirst()
    guard digits.count == 9, digits.allSatisfy(\.isHexDigit) else { return nil }
    let id = digits.prefix(8) + "-" + digits.suffix(1)
    switch role {
    case .bridge: return HostName("network", id, "bridge")
    case .tap: return HostName("port", id, "tap")
    case .dhcp: return HostName("network", id, "DHCP namespace's interface")
    case .routerPort: return HostName("port", id, "router's interface")
    case .gateway: return HostName("port", id, "router's gateway interface")
    case .external: return nil
    }
  }

  /// An interface in a namespace: `qr-`, `qg-`, `ns-` and eleven characters of the id.
  private static func inside(_ text: String) -> HostName? {
    let roles = [("qr-", "port", "router's interface"), ("qg-", "port", "router's gateway interface")]
    for (prefix, kind, what) in roles + [("ns-", "network", "interface in the DHCP namespace")] {
      let id = text.dropFirst(prefix.count)
      guard text.hasPrefix(prefix), id.count == 11, id.allSatisfy({ $0.isHexDigit || $0 == "-" }) else { continue }
      return HostName(kind, id, what)
    }
    return nil
  }

  /// A namespace or a domain without its prefix.
  private static func object(_ rest: Substring) -> HostName? {
    for (prefix, kind, what) in [
      ("dhcp-", "network", "DHCP namespace"), ("router-", "router", "namespace"), ("", "server", "libvirt domain"),
    ] where rest.hasPrefix(prefix) {
      let id = String(rest.dropFirst(prefix.count))
      if Identifier.isUUID(id) { return HostName(kind, id, what) }
    }
    return nil
  }
}
