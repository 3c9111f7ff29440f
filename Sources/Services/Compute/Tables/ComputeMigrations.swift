import Store

/// The tables of the compute service.
enum ComputeMigrations {
  static let all = [
    Migration(room: "compute", number: 1, .expand, flavors + keypairs + servers + records + hosts),
    Migration(room: "compute", number: 2, .expand, limits),
    Migration(room: "compute", number: 3, .expand, indexes),
  ]

  /// What is asked of all servers at once, or of all of a project's: its use, and passwords to be forgotten.
  private static let indexes = [
    "CREATE INDEX server_use ON server (project_id, vcpus, memory_mib)",
    "CREATE INDEX keypair_number ON keypair (number)",
    "CREATE INDEX server_password ON server (launched_at) WHERE admin_pass IS NOT NULL",
  ]

  /// How long actions have lasted, what an observation spoke of, and what a fault means to the operator.
  private static let limits = [
    "ALTER TABLE server ADD COLUMN action_elapsed_ms INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE server ADD COLUMN seen_generation INTEGER",
    "ALTER TABLE server ADD COLUMN seen_ports TEXT",
    "ALTER TABLE server ADD COLUMN fault_details TEXT",
  ]

  private static let flavors = [
    """
    CREATE TABLE flavor (
      id TEXT PRIMARY KEY, number INTEGER NOT NULL, name TEXT NOT NULL UNIQUE, vcpus INTEGER NOT NULL,
      memory_mib INTEGER NOT NULL, disk_gib INTEGER NOT NULL, ephemeral_gib INTEGER NOT NULL,
      swap_mib INTEGER NOT NULL, rxtx_factor REAL NOT NULL, is_public INTEGER NOT NULL, description TEXT,
      created_at INTEGER NOT NULL)
    """,
    """
    CREATE TABLE flavor_extra_spec (
      flavor_id TEXT NOT NULL REFERENCES flavor (id) ON DELETE CASCADE, name TEXT NOT NULL, value TEXT NOT NULL,
      PRIMARY KEY (flavor_id, name))
    """,
    """
    CREATE TABLE flavor_access (
      flavor_id TEXT NOT NULL REFERENCES flavor (id) ON DELETE CASCADE, project_id TEXT NOT NULL,
      PRIMARY KEY (flavor_id, project_id))
    """,
  ]

  private static let keypairs = [
    """
    CREATE TABLE keypair (
      user_id TEXT NOT NULL, name TEXT NOT NULL, number INTEGER NOT NULL, type TEXT NOT NULL,
      public_key TEXT NOT NULL, fingerprint TEXT NOT NULL, created_at INTEGER NOT NULL, PRIMARY KEY (user_id, name))
    """,
    """
    CREATE TABLE compute_quota (
      project_id TEXT NOT NULL, resource TEXT NOT NULL, hard_limit INTEGER NOT NULL,
      PRIMARY KEY (project_id, resource))
    """,
  ]

  private static let servers = [
    """
    CREATE TABLE server (
      id TEXT PRIMARY KEY, project_id TEXT NOT NULL, user_id TEXT NOT NULL, name TEXT NOT NULL, description TEXT,
      hostname TEXT NOT NULL, flavor_id TEXT NOT NULL, flavor_name TEXT NOT NULL, vcpus INTEGER NOT NULL,
      memory_mib INTEGER NOT NULL, disk_gib INTEGER NOT NULL, ephemeral_gib INTEGER NOT NULL,
      swap_mib INTEGER NOT NULL, extra_specs TEXT NOT NULL, image_id TEXT NOT NULL, root_disk_id TEXT NOT NULL,
      root_disk_bytes INTEGER NOT NULL, base_digest TEXT NOT NULL, base_format TEXT NOT NULL,
      base_bytes INTEGER NOT NULL, base_virtual_bytes INTEGER NOT NULL, root_disk_made INTEGER NOT NULL,
      key_name TEXT, key_type TEXT, key_data TEXT, user_data TEXT, config_drive INTEGER NOT NULL, pinned_zone TEXT,
      scheduler_hints TEXT NOT NULL, disk_config TEXT NOT NULL, access_ipv4 TEXT, access_ipv6 TEXT,
      reservation_id TEXT NOT NULL, launch_index INTEGER NOT NULL, metadata TEXT NOT NULL, tags TEXT NOT NULL,
      locked_by TEXT, locked_reason TEXT, node_id TEXT, host TEXT, seed TEXT NOT NULL, admin_pass TEXT,
      asked_power TEXT NOT NULL, boot_epoch INTEGER NOT NULL, operation_id TEXT, deleting INTEGER NOT NULL,
      action TEXT, action_request_id TEXT, action_began INTEGER, action_before TEXT,
      seen_power TEXT, seen_boot_epoch INTEGER, seen_step TEXT,
      condition_type TEXT, condition_message TEXT, condition_since INTEGER, condition_attempts INTEGER,
      error_kind TEXT, fault_code INTEGER, fault_message TEXT, fault_created INTEGER,
      created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, launched_at INTEGER,
      vm_state TEXT NOT NULL, task_state TEXT, power_state INTEGER NOT NULL, status TEXT NOT NULL)
    """,
    "CREATE INDEX server_project ON server (project_id, created_at, id)",
    "CREATE INDEX server_created ON server (created_at, id)",
    "CREATE INDEX server_status ON server (status)",
    "CREATE INDEX server_node ON server (node_id)",
    "CREATE INDEX server_action_began ON server (action_began)",
    """
    CREATE TABLE server_tag (
      server_id TEXT NOT NULL REFERENCES server (id) ON DELETE CASCADE, tag TEXT NOT NULL,
      PRIMARY KEY (server_id, tag))
    """,
    """
    CREATE TABLE server_card (
      server_id TEXT NOT NULL REFERENCES server (id) ON DELETE CASCADE, port_id TEXT NOT NULL,
      slot INTEGER NOT NULL, detaching INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (server_id, port_id))
    """,
    "CREATE INDEX server_card_detaching ON server_card (detaching, port_id)",
  ]

  /// Records of what was done outlive the server for a while.
  private static let records = [
    """
    CREATE TABLE instance_action (
      server_id TEXT NOT NULL, request_id TEXT NOT NULL, action TEXT NOT NULL, project_id TEXT NOT NULL,
      user_id TEXT, host TEXT, message TEXT, started_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
      finished_at INTEGER, result TEXT, details TEXT, PRIMARY KEY (server_id, request_id))
    """,
    "CREATE INDEX instance_action_started ON instance_action (server_id, started_at)",
    "CREATE INDEX instance_action_updated ON instance_action (updated_at)",
  ]

  private static let hosts = [
    """
    CREATE TABLE compute_host (
      node_id TEXT PRIMARY KEY, number INTEGER NOT NULL, hostname TEXT NOT NULL, hypervisor_version INTEGER NOT NULL,
      cpu_model TEXT NOT NULL, accelerator TEXT NOT NULL, disk_free_gib INTEGER NOT NULL, disabled INTEGER NOT NULL,
      disabled_reason TEXT, forced_down INTEGER NOT NULL, seen_at INTEGER NOT NULL, updated_at INTEGER NOT NULL)
    """
  ]
}
