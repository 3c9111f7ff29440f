import Kit
import NodeLink
import Store

/// A server's columns and how a row of them reads, in the same order.
enum ServerColumns {
  static let list = """
    id, project_id, user_id, name, description, hostname, flavor_id, flavor_name, vcpus, memory_mib, disk_gib,
    ephemeral_gib, swap_mib, extra_specs, image_id, root_disk_id, root_disk_bytes, base_digest, base_format, base_bytes,
    base_virtual_bytes, root_disk_made, key_name, key_type, key_data, user_data, config_drive, pinned_zone,
    scheduler_hints, disk_config, access_ipv4, access_ipv6, reservation_id, launch_index, metadata, tags, locked_by,
    locked_reason, node_id, host, seed, admin_pass, asked_power, boot_epoch, operation_id, deleting, action,
    action_request_id, action_began, action_before, seen_power, seen_boot_epoch, seen_step, condition_type,
    condition_message, condition_since, condition_attempts, error_kind, fault_code, fault_message, fault_created,
    created_at, updated_at, launched_at, vm_state, task_state, power_state, status, action_elapsed_ms, seen_generation,
    seen_ports, fault_details
    """

  /// `list` for those who show servers: without what only the manifest and the observer need; user data, up to 64 KB
  /// each, only where it is shown.
  static func shown(userData: Bool) -> String { userData ? shownWithUserData : shownWithoutUserData }

  private static let shownWithUserData = shown(without: [])
  private static let shownWithoutUserData = shown(without: ["user_data"])

  private static func shown(without more: Set<String>) -> String {
    let empty: Set<String> = ["seed", "key_data", "root_disk_id", "base_digest", "base_format", "asked_power"]
    let zero: Set<String> = [
      "root_disk_bytes", "base_bytes", "base_virtual_bytes", "root_disk_made", "boot_epoch", "deleting",
      "action_elapsed_ms",
    ]
    let null: Set<String> = [
      "admin_pass", "operation_id", "action", "action_request_id", "action_began", "action_before", "seen_power",
      "seen_boot_epoch", "seen_step", "seen_generation", "seen_ports", "condition_type", "condition_message",
      "condition_since", "condition_attempts", "error_kind",
    ]
    return list.split(whereSeparator: { $0 == "," || $0.isWhitespace }).map(String.init).map { name in
      if empty.contains(name) { return "''" }
      if zero.contains(name) { return "0" }
      return null.contains(name) || more.contains(name) ? "NULL" : name
    }.joined(separator: ", ")
  }

  static func decode(_ row: any Row) -> Server {
    Server(
      id: row.text(0), projectID: row.text(1), userID: row.text(2), name: row.text(3), description: row.textOrNil(4),
      hostname: row.text(5),
      flavor: .init(
        id: row.text(6), name: row.text(7), vcpus: row.int(8), memoryMiB: row.int(9), diskGiB: row.int(10),
        ephemeralGiB: row.int(11), swapMiB: row.int(12), extraSpecs: row.text(13)),
      imageID: row.text(14),
      rootDisk: .init(
        id: row.text(15), sizeBytes: Int64(row.int(16)),
        base: .init(
          digest: row.text(17), format: row.text(18), sizeBytes: Int64(row.int(19)),
          virtualSizeBytes: Int64(row.int(20))),
        made: row.bool(21)),
      key: row.isNull(22)
        ? nil : .init(name: row.text(22), type: row.text(23), publicKey: row.text(24)),
      userData: row.textOrNil(25), configDrive: row.bool(26), pinnedZone: row.textOrNil(27),
      schedulerHints: row.text(28), diskConfig: row.text(29), accessIPv4: row.textOrNil(30),
      accessIPv6: row.textOrNil(31), reservationID: row.text(32), launchIndex: row.int(33), metadata: row.text(34),
      tags: row.text(35), lockedBy: row.textOrNil(36), lockedReason: row.textOrNil(37), nodeID: row.textOrNil(38),
      host: row.textOrNil(39), seed: row.text(40), adminPass: row.textOrNil(41).map { Secret($0) },
      asked: .init(
        power: ServerSpec.Power(rawValue: row.text(42)) ?? .stopped, bootEpoch: row.int(43),
        operationID: row.textOrNil(44)),
      deleting: row.bool(45), action: action(row), seen: seen(row), condition: condition(row),
      errorKind: row.textOrNil(57),
      fault: row.isNull(58)
        ? nil : .init(code: row.int(58), message: row.text(59), details: row.textOrNil(71), created: row.time(60)),
      createdAt: row.time(61), updatedAt: row.time(62), launchedAt: row.timeOrNil(63),
      state: .init(vm: row.text(64), task: row.textOrNil(65), power: row.int(66), status: row.text(67)))
  }

  private static func action(_ row: any Row) -> Server.Action? {
    guard let kind = row.textOrNil(46).flatMap(Server.Action.Kind.init) else { return nil }
    return .init(
      kind: kind, requestID: row.text(47), began: row.time(48), before: row.text(49), elapsedMs: row.int(68))
  }

  private static func seen(_ row: any Row) -> Server.Seen? {
    guard let power = row.textOrNil(50).flatMap(ServerObservation.Power.init) else { return nil }
    let ports = row.textOrNil(70)?.split(separator: ",").map(String.init) ?? []
    return .init(
      power: power, bootEpoch: row.int(51), step: row.textOrNil(52), portIDs: ports,
      generation: row.intOrNil(69).map(Int64.init))
  }

  private static func condition(_ row: any Row) -> Condition? {
    guard let type = row.textOrNil(53) else { return nil }
    return Condition(type: type, message: row.text(54), since: row.time(55), attempts: row.int(56))
  }
}
