import API
import Kit

/// Reads what is peculiar to ports.
enum PortFields {
  /// nil where nothing was said. Throws `Fault` 400 for what no card can have.
  static func mac(_ fields: JSONFields) throws -> MACAddress? {
    guard let text = try fields.optionalString("mac_address", 0...64) else { return nil }
    guard let mac = MACAddress(text), !mac.isMulticast, mac.bits != 0 else {
      throw fields.invalid("mac_address", "\(text.quoted) is not a valid MAC address")
    }
    return mac
  }

  static func addressPairs(_ fields: JSONFields, mac own: MACAddress) throws -> [Port.AddressPair] {
    let objects = try fields.optionalObjects("allowed_address_pairs", countMax: Port.addressPairsMax) ?? []
    let pairs = try objects.map { entry in
      let text = try entry.string("ip_address", 1...64)
      let mac = try Self.mac(entry) ?? own
      guard let cidr = CIDR(text) else {
        throw entry.invalid("ip_address", "\(text.quoted) is neither an address nor a block")
      }
      let address = text.contains("/") ? cidr.description : cidr.network.description
      return Port.AddressPair(address: address, mac: mac.description)
    }
    guard Set(pairs).count == pairs.count else {
      throw Fault.badRequest("Request contains duplicate address pair.", type: "DuplicateAddressPairInRequest")
    }
    return pairs
  }
}

/// Reads `extra_dhcp_opts`: what enters a DHCP server's configuration, so nothing passes but what is known.
enum DHCPOptions {
  /// Names that dnsmasq knows, of IPv4 and of IPv6.
  static let names4: Set<String> = [
    "netmask", "time-offset", "router", "dns-server", "log-server", "lpr-server", "hostname", "boot-file-size",
    "domain-name", "swap-server", "root-path", "extension-path", "ip-forward-enable", "non-local-source-routing",
    "policy-filter", "max-datagram-reassembly", "default-ttl", "mtu", "interface-mtu", "all-subnets-local", "broadcast",
    "router-discovery", "router-solicitation", "static-route", "trailer-encapsulation", "arp-timeout",
    "ethernet-encap", "tcp-ttl", "tcp-keepalive", "nis-domain", "nis-server", "ntp-server", "vendor-encap",
    "netbios-ns", "netbios-dd", "netbios-nodetype", "netbios-scope", "x-windows-fs", "x-windows-dm",
    "nis+-domain", "nis+-server", "tftp-server", "tftp-server-address", "bootfile-name", "mobile-ip-home",
    "smtp-server", "pop3-server", "nntp-server", "irc-server", "user-class", "rapid-commit", "client-arch",
    "client-interface-id", "client-machine-id", "posix-timezone", "tzdb-timezone", "ipv6-only", "domain-search",
    "sip-server", "classless-static-route", "vendor-id-encap", "server-ip-address",
  ]
  static let names6: Set<String> = [
    "dns-server", "domain-search", "sntp-server", "ntp-server", "information-refresh-time", "bootfile-url",
    "bootfile-param", "sip-server", "sip-server-domain", "nis-server", "nis+-server", "nis-domain", "nis+-domain",
  ]
  /// Characters of a value; control characters, quotes, `#`, `\` and blanks at the ends are refused.
  private static let punctuation = Set(".:,/-_;=+@%[]()!?*~& ".utf8)
  static let valueBytesMax = 255

  /// The options after the request: those there were, changed and removed by name. nil where nothing was said.
  static func read(_ fields: JSONFields, onto old: [Port.DHCPOption]) throws -> [Port.DHCPOption]? {
    guard let entries = try fields.optionalObjects("extra_dhcp_opts", countMax: Port.dhcpOptionsMax) else { return nil }
    var options = old
    for entry in entries {
      let name = try entry.string("opt_name", 1...64)
      let version = try entry.optionalInt("ip_version", 4...6, lenient: true) ?? 4
      guard isName(name, version) else { throw entry.invalid("opt_name", "\(name.quoted) is not a DHCP option") }
      let value = try entry.patchString("opt_value", 1...valueBytesMax)
      options.removeAll { $0.name == name && $0.ipVersion == version }
      switch value {
      case .absent: throw entry.invalid("opt_value", "it is required")
      case .null: if old.isEmpty { throw entry.invalid("opt_value", "it must not be null") }
      case .value(let text):
        guard isValue(text) else { throw entry.invalid("opt_value", "it has characters that an option cannot have") }
        options.append(Port.DHCPOption(name: name, value: text, ipVersion: version))
      }
    }
    guard options.count <= Port.dhcpOptionsMax else {
      throw fields.invalid("extra_dhcp_opts", "a port has at most \(Port.dhcpOptionsMax)")
    }
    return options
  }

  static func isName(_ name: String, _ version: Int) -> Bool {
    if let number = Int(name), String(number) == name { return (1...254).contains(number) }
    return version == 4 ? names4.contains(name) : version == 6 && names6.contains(name)
  }

  static func isValue(_ value: String) -> Bool {
    guard let first = value.utf8.first, let last = value.utf8.last, first != 0x20, last != 0x20 else { return false }
    return value.utf8.allSatisfy { byte in
      (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
        || punctuation.contains(byte)
    }
  }
}
