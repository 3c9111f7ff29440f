import Kit
import NodeLink
import Store

/// Servers as they are stored.
enum ServerTable {
  /// The kind under which the feed tells that a server changed.
  static let changeKind = "server"

  static func find(_ tx: Transaction, id: String) throws -> Server? {
    try tx.first("SELECT \(raw: ServerColumns.list) FROM server WHERE id = \(id)", ServerColumns.decode)
  }

  static func list(_ tx: Transaction, ids: [String]) throws -> [Server] {
    try tx.query("SELECT \(raw: ServerColumns.list) FROM server WHERE id IN (\(list: ids))", ServerColumns.decode)
  }

  static func insert(_ tx: Transaction, _ new: Server) throws {
    var server = new
    server.refreshState()
    let flavor = server.flavor
    let base = server.rootDisk.base
    try tx.execute(
      """
      INSERT INTO server (id, project_id, user_id, name, description, hostname, flavor_id, flavor_name, vcpus,
        memory_mib, disk_gib, ephemeral_gib, swap_mib, extra_specs, image_id, root_disk_id, root_disk_bytes,
        base_digest, base_format, base_bytes, base_virtual_bytes, root_disk_made, key_name, key_type, key_data,
        user_data, config_drive, pinned_zone, scheduler_hints, disk_config, access_ipv4, access_ipv6, reservation_id,
        launch_index, metadata, tags, node_id, host, seed, admin_pass, asked_power, boot_epoch, deleting, created_at,
        updated_at, vm_state, power_state, status)
      VALUES (\(server.id), \(server.projectID), \(server.userID), \(server.name), \(server.description),
        \(server.hostname), \(flavor.id), \(flavor.name), \(flavor.vcpus), \(flavor.memoryMiB), \(flavor.diskGiB),
        \(flavor.ephemeralGiB), \(flavor.swapMiB), \(flavor.extraSpecs), \(server.imageID), \(server.rootDisk.id),
        \(server.rootDisk.sizeBytes), \(base.digest), \(base.format), \(base.sizeBytes), \(base.virtualSizeBytes),
        \(server.rootDisk.made), \(server.key?.name), \(server.key?.type), \(server.key?.publicKey),
        \(server.userData), \(server.configDrive), \(server.pinnedZone), \(server.schedulerHints),
        \(server.diskConfig), \(server.accessIPv4), \(server.accessIPv6), \(server.reservationID),
        \(server.launchIndex), \(server.metadata), \(server.tags), \(server.nodeID), \(server.host), \(server.seed),
        \(server.adminPass?.reveal()), \(server.asked.power.rawValue), \(server.asked.bootEpoch), \(server.deleting),
        \(server.createdAt), \(server.updatedAt), \(server.state.vm), \(server.state.power), \(server.state.status))
      """)
    try save(tx, &server)
  }

  /// Stores what was asked and what was observed, with the state computed from both. Not what is set at creation.
  static func save(_ tx: Transaction, _ server: inout Server) throws {
    server.refreshState()
    server.updatedAt = .now()
    try tx.executeAhead(
      """
      UPDATE server SET root_disk_made = \(server.rootDisk.made), asked_power = \(server.asked.power.rawValue),
        boot_epoch = \(server.asked.bootEpoch), operation_id = \(server.asked.operationID),
        deleting = \(server.deleting), action = \(server.action?.kind.rawValue),
        action_request_id = \(server.action?.requestID), action_began = \(server.action?.began),
        action_before = \(server.action?.before), action_elapsed_ms = \(server.action?.elapsedMs ?? 0),
        seen_power = \(server.seen?.power.rawValue), seen_boot_epoch = \(server.seen?.bootEpoch),
        seen_step = \(server.seen?.step),
        seen_generation = \(server.seen?.generation), seen_ports = \(server.seen?.portIDs.joined(separator: ",")),
        condition_type = \(server.condition?.type), condition_message = \(server.condition?.message),
        condition_since = \(server.condition?.since), condition_attempts = \(server.condition?.attempts),
        error_kind = \(server.errorKind), fault_code = \(server.fault?.code), fault_message = \(server.fault?.message),
        fault_details = \(server.fault?.details), fault_created = \(server.fault?.created),
        launched_at = \(server.launchedAt),
        admin_pass = \(server.adminPass?.reveal()), vm_state = \(server.state.vm), task_state = \(server.state.task),
        power_state = \(server.state.power), status = \(server.state.status), updated_at = \(server.updatedAt)
      WHERE id = \(server.id)
      """)
    try tx.change(changeKind, server.id)
  }

  /// Stores what its user may change at any time: names, addresses, metadata, tags, the lock.
  static func saveAttributes(_ tx: Transaction, _ server: inout Server) throws {
    server.updatedAt = .now()
    try tx.executeAhead(
      """
      UPDATE server SET name = \(server.name), description = \(server.description), hostname = \(server.hostname),
        access_ipv4 = \(server.accessIPv4), access_ipv6 = \(server.accessIPv6), disk_config = \(server.diskConfig),
        metadata = \(server.metadata), locked_by = \(server.lockedBy), locked_reason = \(server.lockedReason),
        updated_at = \(server.updatedAt)
      WHERE id = \(server.id)
      """)
    try tx.change(changeKind, server.id)
  }

  /// Adds to the time of every action that goes on.
  static func countActions(_ tx: Transaction, milliseconds: Int) throws {
    try tx.execute("UPDATE server SET action_elapsed_ms = action_elapsed_ms + \(milliseconds) WHERE action_began > 0")
  }

  static func delete(_ tx: Transaction, id: String) throws {
    try tx.executeAhead("DELETE FROM server WHERE id = \(id)")
    try tx.change(changeKind, id)
  }

  /// Replaces the tags; `tags` are distinct.
  static func setTags(_ tx: Transaction, _ server: inout Server, _ tags: [String]) throws {
    try tx.executeAhead("DELETE FROM server_tag WHERE server_id = \(server.id)")
    for tag in tags { try tx.executeAhead("INSERT INTO server_tag (server_id, tag) VALUES (\(server.id), \(tag))") }
    server.tags = JSONValue.array(tags.sorted().map(JSONValue.string)).text
    server.updatedAt = .now()
    try tx.executeAhead(
      "UPDATE server SET tags = \(server.tags), updated_at = \(server.updatedAt) WHERE id = \(server.id)")
    try tx.change(changeKind, server.id)
  }
}

extension Server {
  mutating func refreshState() {
    let fresh = ServerState(of: self)
    state = StoredState(vm: fresh.vm, task: fresh.task, power: fresh.power, status: fresh.status)
  }
}
