import Contracts
import Kit

/// `network_data.json`: the guest's cards, their addresses and name servers.
struct NetworkData {
  let ports: [ServerPort]

  private struct Network {
    var port: ServerPort
    var link: Int
    var subnet: ServerPort.Subnet
    var address: String
  }

  var text: String {
    var json = JSONWriter(capacity: 1024)
    let networks = networks
    var servers: [String] = []
    for server in networks.flatMap(\.subnet.dnsNameservers) where !servers.contains(server) { servers.append(server) }
    json.object { json in
      json.field("links", ports.enumerated()) { json, link in
        json.object {
          $0.field("id", "interface\(link.offset)")
          $0.field("vif_id", link.element.id)
          $0.field("type", "bridge")
          $0.field("mtu", link.element.mtu)
          $0.field("ethernet_mac_address", link.element.mac)
        }
      }
      json.field("networks", networks.enumerated()) { Self.write($1.element, $1.offset, &$0) }
      json.field("services", servers, Self.writeServer)
    }
    return String(decoding: json.bytes, as: UTF8.self)
  }

  /// The first address of each version of each card.
  private var networks: [Network] {
    ports.enumerated().flatMap { index, port in
      [4, 6].compactMap { version -> Network? in
        guard let address = port.addresses.first(where: { $0.version == version && $0.type == "fixed" }),
          let subnet = port.subnets.first(where: { $0.id == address.subnetID })
        else { return nil }
        return Network(port: port, link: index, subnet: subnet, address: address.address)
      }
    }
  }

  private static func write(_ network: Network, _ number: Int, _ json: inout JSONWriter) {
    let subnet = network.subnet
    json.object { json in
      json.field("id", "network\(number)")
      json.field("link", "interface\(network.link)")
      json.field("network_id", network.port.networkID)
      if subnet.ipv6AddressMode == nil, subnet.enableDHCP {
        return json.field("type", "ipv\(subnet.version)_dhcp")
      }
      json.field("type", "ipv\(subnet.version)" + (subnet.ipv6AddressMode.map { "_" + $0 } ?? ""))
      json.field("ip_address", network.address)
      json.field("netmask", CIDR(subnet.cidr)?.netmask ?? "")
      json.field("routes", subnet.gateway.map { [$0] } ?? []) { json, gateway in
        json.object {
          $0.field("network", subnet.version == 4 ? "0.0.0.0" : "::")
          $0.field("netmask", subnet.version == 4 ? "0.0.0.0" : "::")
          $0.field("gateway", gateway)
        }
      }
      json.field("services", subnet.dnsNameservers, writeServer)
    }
  }

  private static func writeServer(_ json: inout JSONWriter, _ address: String) {
    json.object {
      $0.field("type", "dns")
      $0.field("address", address)
    }
  }
}
