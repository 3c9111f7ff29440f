import Store

/// The tables of the network service.
enum NetworksSchema {
  /// Columns that every resource has.
  private static let standard = """
    id TEXT NOT NULL PRIMARY KEY, project_id TEXT NOT NULL, name TEXT NOT NULL, description TEXT NOT NULL,
    revision_number INTEGER NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL
    """

  static let migrations = [
    Migration(
      room: "networks", number: 1, .expand,
      [
        """
        CREATE TABLE network (
          \(standard), admin_state_up INTEGER NOT NULL, shared INTEGER NOT NULL, external INTEGER NOT NULL,
          mtu INTEGER NOT NULL, port_security_enabled INTEGER NOT NULL, is_default INTEGER NOT NULL,
          segmentation_id INTEGER NOT NULL UNIQUE, availability_zone_hints TEXT NOT NULL)
        """,
        "CREATE INDEX network_project ON network (project_id)",
        "CREATE INDEX network_open ON network (shared, external)",
        """
        CREATE TABLE subnet (
          \(standard), network_id TEXT NOT NULL REFERENCES network (id), ip_version INTEGER NOT NULL,
          cidr TEXT NOT NULL, gateway_ip TEXT, enable_dhcp INTEGER NOT NULL, ipv6_ra_mode TEXT,
          ipv6_address_mode TEXT, allocation_pools TEXT NOT NULL, dns_nameservers TEXT NOT NULL,
          host_routes TEXT NOT NULL)
        """,
        "CREATE INDEX subnet_network ON subnet (network_id)",
        "CREATE INDEX subnet_project ON subnet (project_id)",
        """
        CREATE TABLE port (
          \(standard), network_id TEXT NOT NULL REFERENCES network (id), mac_address TEXT NOT NULL,
          admin_state_up INTEGER NOT NULL, device_id TEXT NOT NULL, device_owner TEXT NOT NULL,
          port_security_enabled INTEGER NOT NULL, address_pairs TEXT NOT NULL, dhcp_options TEXT NOT NULL,
          dns_name TEXT NOT NULL, hostname TEXT NOT NULL, server_id TEXT,
          node_id TEXT, host TEXT NOT NULL, vnic_type TEXT NOT NULL,
          binding_profile TEXT NOT NULL, ready INTEGER NOT NULL, card_position INTEGER NOT NULL, card_tag TEXT,
          made_for_server INTEGER NOT NULL, status TEXT NOT NULL, UNIQUE (network_id, mac_address))
        """,
        "CREATE INDEX port_project ON port (project_id)",
        "CREATE INDEX port_device ON port (device_id)",
        "CREATE INDEX port_server ON port (server_id)",
        "CREATE INDEX port_node ON port (node_id, network_id)",
        """
        CREATE TABLE port_address (
          network_id TEXT NOT NULL, address TEXT NOT NULL, subnet_id TEXT NOT NULL REFERENCES subnet (id),
          port_id TEXT NOT NULL REFERENCES port (id) ON DELETE CASCADE, position INTEGER NOT NULL,
          PRIMARY KEY (network_id, address))
        """,
        "CREATE INDEX port_address_port ON port_address (port_id)",
        "CREATE INDEX port_address_subnet ON port_address (subnet_id)",
        """
        CREATE TABLE security_group (\(standard), stateful INTEGER NOT NULL, is_default INTEGER NOT NULL)
        """,
        "CREATE UNIQUE INDEX security_group_default ON security_group (project_id) WHERE is_default = 1",
        "CREATE INDEX security_group_project ON security_group (project_id)",
        """
        CREATE TABLE security_group_rule (
          \(standard), group_id TEXT NOT NULL REFERENCES security_group (id) ON DELETE CASCADE,
          direction TEXT NOT NULL, ethertype TEXT NOT NULL, protocol TEXT, port_min INTEGER, port_max INTEGER,
          remote_prefix TEXT, remote_group_id TEXT REFERENCES security_group (id) ON DELETE CASCADE)
        """,
        "CREATE INDEX security_group_rule_group ON security_group_rule (group_id)",
        "CREATE INDEX security_group_rule_remote ON security_group_rule (remote_group_id)",
        "CREATE INDEX security_group_rule_project ON security_group_rule (project_id)",
        """
        CREATE TABLE port_security_group (
          port_id TEXT NOT NULL REFERENCES port (id) ON DELETE CASCADE,
          group_id TEXT NOT NULL REFERENCES security_group (id), PRIMARY KEY (port_id, group_id))
        """,
        "CREATE INDEX port_security_group_group ON port_security_group (group_id)",
        """
        CREATE TABLE router (
          \(standard), admin_state_up INTEGER NOT NULL, enable_snat INTEGER NOT NULL, routes TEXT NOT NULL,
          availability_zone_hints TEXT NOT NULL, gateway_port_id TEXT REFERENCES port (id))
        """,
        "CREATE INDEX router_project ON router (project_id)",
        "CREATE INDEX router_gateway_port ON router (gateway_port_id)",
        """
        CREATE TABLE router_host (
          router_id TEXT NOT NULL REFERENCES router (id) ON DELETE CASCADE, position INTEGER NOT NULL,
          node_id TEXT NOT NULL, PRIMARY KEY (router_id, position))
        """,
        """
        CREATE TABLE floating_ip (
          \(standard), external_network_id TEXT NOT NULL REFERENCES network (id),
          external_port_id TEXT NOT NULL REFERENCES port (id), address TEXT NOT NULL,
          port_id TEXT REFERENCES port (id), fixed_address TEXT, router_id TEXT REFERENCES router (id),
          UNIQUE (port_id, fixed_address))
        """,
        "CREATE INDEX floating_ip_project ON floating_ip (project_id)",
        "CREATE INDEX floating_ip_router ON floating_ip (router_id)",
        "CREATE INDEX floating_ip_external_port ON floating_ip (external_port_id)",
        "CREATE TABLE network_tag (resource_id TEXT NOT NULL, tag TEXT NOT NULL, PRIMARY KEY (resource_id, tag))",
        """
        CREATE TABLE network_quota (
          project_id TEXT NOT NULL, resource TEXT NOT NULL, quota INTEGER NOT NULL, PRIMARY KEY (project_id, resource))
        """,
        """
        CREATE TABLE network_agent (
          node_id TEXT NOT NULL PRIMARY KEY, hostname TEXT NOT NULL, created_at INTEGER NOT NULL,
          last_seen INTEGER NOT NULL)
        """,
        // Finds who holds an object; NodeLink's migrations come first.
        "CREATE INDEX manifest_object ON manifest (kind, object_id)",
      ]),
    HeldAddressTable.migration,
  ]
}
