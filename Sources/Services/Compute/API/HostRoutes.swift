import API
import Auth
import Contracts
import Kit
import Store

/// `/os-services` and `/os-availability-zone`: the hosts, and whether they take servers.
struct HostRoutes {
  private static let binary = "nova-compute"

  let context: ComputeContext

  var routes: [Route] {
    let manage = ComputePermissions.admin("os-services:update")
    return [
      Route(.get, "/v2.1/os-availability-zone", ComputePermissions.read("os-availability-zone:list"), query: .unread) {
        try await zones($0, detailed: false)
      },
      Route(
        .get, "/v2.1/os-availability-zone/detail", ComputePermissions.admin("os-availability-zone:detail"),
        query: .unread
      ) {
        try await zones($0, detailed: true)
      },
      // There are no aggregates, and clients that show a hypervisor ask for them.
      Route(.get, "/v2.1/os-aggregates", ComputePermissions.admin("os-aggregates:index"), query: .unread) { _ in
        .json { $0.field("aggregates", [String]()) }
      },
      Route(.get, "/v2.1/os-services", ComputePermissions.system("os-services:list"), query: .nova(["host", "binary"]))
      { try await list($0) },
      Route(.put, "/v2.1/os-services/enable", until: .compute(52), manage, query: .unread, body: .needed(.service([])))
      { try await set($0, enabled: true) },
      Route(.put, "/v2.1/os-services/disable", until: .compute(52), manage, query: .unread, body: .needed(.service([])))
      { try await set($0, enabled: false) },
      Route(
        .put, "/v2.1/os-services/disable-log-reason", until: .compute(52), manage, query: .unread,
        body: .needed(.service([JSONShape.disabledReason]))
      ) {
        try await set($0, enabled: false, withReason: true)
      },
      Route(
        .put, "/v2.1/os-services/force-down", since: .compute(11), until: .compute(52), manage, query: .unread,
        body: .needed(.service([JSONShape.forcedDown]))
      ) {
        try await forceDown($0)
      },
      Route(
        .put, "/v2.1/os-services/{service_id}", since: .compute(53), manage, query: .unread,
        body: .needed(.serviceChange)
      ) { try await update($0) },
    ]
  }

  private func zones(_ call: Call, detailed: Bool) async throws -> Reply {
    let hosts = try await context.store.read { try HostTable.all($0) }
    let now = Timestamp.now()
    let available = hosts.contains { $0.isUp(at: now) && !$0.disabled }
    return .json { json in
      json.field("availabilityZoneInfo", [GuestDocuments.zone]) { json, zone in
        json.object { json in
          json.field("zoneName", zone)
          json.field("zoneState") { $0.field("available", available) }
          guard detailed, available else { return json.field("hosts", String?.none) }
          json.field("hosts") { json in
            for host in hosts where !host.disabled {
              json.field(host.hostname) { json in
                json.field(Self.binary) {
                  $0.field("available", host.isUp(at: now))
                  $0.field("active", true)
                  $0.field("updated_at", host.seenAt.iso8601Naive)
                }
              }
            }
          }
        }
      }
    }
  }

  private func list(_ call: Call) async throws -> Reply {
    let now = Timestamp.now()
    let hosts = try await context.store.read { try HostTable.all($0) }.filter { host in
      (call.query["host"].map { $0 == host.hostname } ?? true)
        && (call.query["binary"].map { $0 == Self.binary } ?? true)
    }
    return .json { $0.field("services", hosts) { Self.write(&$0, $1, call, now) } }
  }

  private static func write(_ json: inout JSONWriter, _ host: ComputeHost, _ call: Call, _ now: Timestamp) {
    json.object {
      if call.at(53) { $0.field("id", host.nodeID) } else { $0.field("id", host.number) }
      $0.field("binary", binary)
      $0.field("host", host.hostname)
      $0.field("zone", GuestDocuments.zone)
      $0.field("status", host.disabled ? "disabled" : "enabled")
      $0.field("state", host.isUp(at: now) ? "up" : "down")
      $0.field("updated_at", host.seenAt.iso8601Naive)
      $0.field("disabled_reason", host.disabledReason)
      if call.at(11) { $0.field("forced_down", host.forcedDown) }
    }
  }

  // MARK: Changes, until 2.52 by host and binary

  private func named(_ tx: Transaction, host: String, binary: String) throws -> ComputeHost {
    guard binary == Self.binary else {
      throw Fault.badRequest("Only \(Self.binary) services can be updated.")
    }
    guard let found = try HostTable.all(tx).first(where: { $0.hostname == host }) else {
      throw Fault.notFound("Could not find binary \(binary.quoted) on host \(host.quoted).")
    }
    return found
  }

  private func set(_ call: Call, enabled: Bool, withReason: Bool = false) async throws -> Reply {
    let body = try call.body()
    let host = try body.string("host", 1...255)
    let binary = try body.string("binary", 1...255)
    let reason = withReason ? try body.string("disabled_reason", 1...255) : nil
    try await context.store.write { [context] tx in
      let found = try named(tx, host: host, binary: binary)
      try HostTable.setEnabled(tx, nodeID: found.nodeID, enabled: enabled, reason: reason)
      try context.placement.setEnabled(tx, nodeID: found.nodeID, enabled)
    }
    return .json { json in
      json.field("service") {
        $0.field("host", host)
        $0.field("binary", binary)
        $0.field("status", enabled ? "enabled" : "disabled")
        if let reason { $0.field("disabled_reason", reason) }
      }
    }
  }

  private func forceDown(_ call: Call) async throws -> Reply {
    let body = try call.body()
    let host = try body.string("host", 1...255)
    let binary = try body.string("binary", 1...255)
    let down = try body.bool("forced_down", lenient: true)
    try await context.store.write { tx in
      let found = try named(tx, host: host, binary: binary)
      try HostTable.setForcedDown(tx, nodeID: found.nodeID, down)
    }
    return .json { json in
      json.field("service") {
        $0.field("host", host)
        $0.field("binary", binary)
        $0.field("forced_down", down)
      }
    }
  }

  // MARK: From 2.53 by id

  private func update(_ call: Call) async throws -> Reply {
    let id = try call.parameter("service_id")
    guard Identifier.isUUID(id) else { throw Fault.badRequest("Invalid uuid \(id.quoted)") }
    let body = try call.body()
    let status = try body.optionalChoice("status", ["enabled", "disabled"])
    let reason = try body.optionalString("disabled_reason", 1...255)
    let down = try body.optionalBool("forced_down", lenient: true)
    guard status != nil || down != nil else {
      throw Fault.badRequest("No updates were requested. Fields 'status' or 'forced_down' should be specified.")
    }
    if reason != nil, status != "disabled" {
      throw Fault.badRequest("Specifying 'disabled_reason' when status is 'enabled' is invalid.")
    }
    let host = try await context.store.write { [context] tx in
      guard try HostTable.find(tx, nodeID: id) != nil else { throw Fault.notFound("Service \(id) not found.") }
      if let status {
        try HostTable.setEnabled(tx, nodeID: id, enabled: status == "enabled", reason: reason)
        try context.placement.setEnabled(tx, nodeID: id, status == "enabled")
      }
      if let down { try HostTable.setForcedDown(tx, nodeID: id, down) }
      return try HostTable.find(tx, nodeID: id)
    }
    guard let host else { throw Fault.notFound("Service \(id) not found.") }
    return .json { json in
      json.key("service")
      Self.write(&json, host, call, .now())
    }
  }
}
