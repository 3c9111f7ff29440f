import Kit
import NodeLink

/// A server's port of the intent, read and named.
struct CheckedPort: Sendable, Hashable {
  /// A MAC the guest may send from, and the addresses it may use with it.
  struct Source: Sendable, Hashable {
    var mac: MACAddress
    var addresses: AddressRanges
  }
  struct FixedIP: Sendable, Hashable {
    var subnetID: String
    var address: IPAddress
  }

  var id: String
  var tap: String
  var networkID: String
  var mac: MACAddress
  var fixedIPs: [FixedIP]
  var adminStateUp: Bool
  var portSecurity: Bool
  var sources: [Source]
  var groups: [String]
  /// What DHCP calls the guest; nil where the asked name is no host name.
  var hostname: String?
  var options: [PortSpec.DHCPOption]

  init(_ spec: PortSpec, names: Names) throws {
    id = try Check.id(spec.id)
    tap = names.tag.interface(.tap, id)
    networkID = try Check.id(spec.networkID)
    mac = try Check.mac(spec.mac)
    fixedIPs = try spec.fixedIPs.map {
      try FixedIP(subnetID: Check.id($0.subnetID), address: Check.address($0.address))
    }
    adminStateUp = spec.adminStateUp
    portSecurity = spec.portSecurityEnabled
    groups = try spec.securityGroupIDs.map(Check.id)
    hostname = Self.isHostname(spec.hostname) ? spec.hostname : nil
    options = spec.extraDHCPOptions
    var blocks: [MACAddress: [CIDR]] = [:]
    blocks[mac] = fixedIPs.map { CIDR(containing: $0.address, prefix: $0.address.width) }
    for pair in spec.allowedAddressPairs {
      let pairMAC = pair.mac.isEmpty ? mac : try Check.mac(pair.mac)
      blocks[pairMAC, default: []].append(try Check.cidr(pair.address))
    }
    sources = blocks.sorted { $0.key.bits < $1.key.bits }.map { mac, blocks in
      let linkLocal = CIDR(containing: .linkLocal(mac: mac), prefix: 128)
      return Source(mac: mac, addresses: AddressRanges(blocks + [linkLocal]))
    }
  }

  static func isHostname(_ text: String) -> Bool {
    (1...63).contains(text.utf8.count) && !text.hasPrefix("-") && !text.hasSuffix("-")
      && text.utf8.allSatisfy {
        (0x30...0x39).contains($0) || (0x61...0x7a).contains($0) || (0x41...0x5a).contains($0) || $0 == 0x2d
      }
  }
}
