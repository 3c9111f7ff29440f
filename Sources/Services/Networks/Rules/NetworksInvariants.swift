public import Contracts
import Kit
import NodeLink
import Store

extension NetworksService: InvariantKeeper {
  private static let byHand = "Put it right by the network API: delete what is named there, and make it anew."
  private static let byItself = "haneul control writes it anew every minute."

  public var invariants: [Invariant] { [addresses, inside] + floating + routers + others }

  private var addresses: Invariant {
    Invariant(
      "networks.addresses", "An address, its subnet and its port are of one network.", repair: Self.byHand,
      rows: """
        SELECT 'address ' || a.address || ' of port ' || a.port_id FROM port_address a
        LEFT JOIN subnet s ON s.id = a.subnet_id LEFT JOIN port p ON p.id = a.port_id
        WHERE s.network_id IS NULL OR p.network_id IS NULL OR s.network_id <> a.network_id
          OR p.network_id <> a.network_id
        ORDER BY 1
        """)
  }

  private var inside: Invariant {
    Invariant("networks.subnets", "An address lies inside its subnet.", repair: Self.byHand) { tx in
      var outside: [String] = []
      try tx.forEach(
        "SELECT a.address, s.cidr, a.port_id FROM port_address a JOIN subnet s ON s.id = a.subnet_id ORDER BY a.address"
      ) { row in
        guard let block = CIDR(row.text(1)), let address = IPAddress(row.text(0)), block.contains(address) else {
          if outside.count < Invariant.namedMax {
            outside.append("address \(row.text(0)) of port \(row.text(2)), outside \(row.text(1))")
          }
          return
        }
      }
      return outside
    }
  }

  private var floating: [Invariant] {
    [
      Invariant(
        "networks.floating_ports", "A floating IP's address is that of its own port on the external network.",
        repair: Self.byHand,
        rows: """
          SELECT 'floating IP ' || f.id FROM floating_ip f LEFT JOIN port p ON p.id = f.external_port_id
          WHERE p.id IS NULL OR p.device_id <> f.id OR p.device_owner <> \(DeviceOwner.floatingIP)
            OR p.network_id <> f.external_network_id OR NOT EXISTS (
              SELECT 1 FROM port_address a WHERE a.port_id = p.id AND a.address = f.address)
          ORDER BY f.id
          """),
      Invariant(
        "networks.floating_targets", "A floating IP that leads somewhere leads to an address of its port, by a router.",
        repair: "Disassociate it and associate it again.",
        rows: """
          SELECT 'floating IP ' || f.id FROM floating_ip f WHERE (f.port_id IS NULL) <> (f.fixed_address IS NULL)
            OR (f.port_id IS NULL) <> (f.router_id IS NULL)
            OR f.port_id IS NOT NULL AND NOT EXISTS (
              SELECT 1 FROM port_address a WHERE a.port_id = f.port_id AND a.address = f.fixed_address)
          ORDER BY f.id
          """),
    ]
  }

  private var routers: [Invariant] {
    [
      Invariant(
        "networks.gateways", "A router's gateway port is the router's.", repair: Self.byHand,
        rows: """
          SELECT 'router ' || r.id FROM router r LEFT JOIN port p ON p.id = r.gateway_port_id
          WHERE r.gateway_port_id IS NOT NULL
            AND (p.id IS NULL OR p.device_id <> r.id OR p.device_owner <> \(DeviceOwner.routerGateway))
          ORDER BY r.id
          """),
      Invariant(
        "networks.router_ports", "A port that is a router's is of a router that there is.", repair: Self.byHand,
        rows: """
          SELECT 'port ' || p.id FROM port p
          WHERE p.device_owner IN (\(DeviceOwner.routerInterface), \(DeviceOwner.routerGateway))
            AND NOT EXISTS (SELECT 1 FROM router r WHERE r.id = p.device_id)
          ORDER BY p.id
          """),
    ]
  }

  private var others: [Invariant] {
    [
      Invariant(
        "networks.tags", "A tag is on something that there is.", repair: "Delete the rows of network_tag.",
        rows: """
          SELECT DISTINCT 'resource ' || t.resource_id FROM network_tag t
          WHERE NOT EXISTS (SELECT 1 FROM network r WHERE r.id = t.resource_id)
            AND NOT EXISTS (SELECT 1 FROM subnet r WHERE r.id = t.resource_id)
            AND NOT EXISTS (SELECT 1 FROM port r WHERE r.id = t.resource_id)
            AND NOT EXISTS (SELECT 1 FROM router r WHERE r.id = t.resource_id)
            AND NOT EXISTS (SELECT 1 FROM security_group r WHERE r.id = t.resource_id)
            AND NOT EXISTS (SELECT 1 FROM security_group_rule r WHERE r.id = t.resource_id)
            AND NOT EXISTS (SELECT 1 FROM floating_ip r WHERE r.id = t.resource_id)
          ORDER BY 1
          """),
      Invariant(
        "networks.manifest", "No host is asked to hold a network, port, router or security group that is gone.",
        repair: Self.byItself,
        rows: """
          SELECT m.kind || ' ' || m.object_id || ' on ' || m.node_id FROM manifest m
          WHERE m.tombstone = 0 AND (
            m.kind = \(ObjectKind.network.rawValue) AND NOT EXISTS (SELECT 1 FROM network r WHERE r.id = m.object_id)
            OR m.kind = \(ObjectKind.port.rawValue) AND NOT EXISTS (SELECT 1 FROM port r WHERE r.id = m.object_id)
            OR m.kind = \(ObjectKind.router.rawValue) AND NOT EXISTS (SELECT 1 FROM router r WHERE r.id = m.object_id)
            OR m.kind IN (\(ObjectKind.securityGroup.rawValue), \(ObjectKind.addressSet.rawValue))
              AND NOT EXISTS (SELECT 1 FROM security_group r WHERE r.id = m.object_id))
          ORDER BY 1
          """),
      Invariant(
        "networks.ports", "A port that is bound to a host and stands for a server is asked of that host.",
        repair: Self.byItself,
        rows: """
          SELECT 'port ' || p.id || ' on ' || p.node_id FROM port p
          WHERE p.node_id IS NOT NULL AND p.server_id IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM manifest m WHERE m.node_id = p.node_id AND m.kind = \(ObjectKind.port.rawValue)
              AND m.object_id = p.id AND m.tombstone = 0)
          ORDER BY 1
          """),
      .json(
        "networks.subnet_documents", table: "subnet", key: "id",
        columns: ["allocation_pools", "dns_nameservers", "host_routes"]),
      .json(
        "networks.port_documents", table: "port", key: "id",
        columns: ["address_pairs", "dhcp_options", "binding_profile"]),
      .json("networks.router_documents", table: "router", key: "id", columns: ["routes", "availability_zone_hints"]),
    ]
  }
}
