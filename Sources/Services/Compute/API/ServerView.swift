import API
import Auth
import Contracts
import Crypto
import Kit
import NodeLink
import Store

/// Writes servers as the request's microversion shows them. Everything it needs is loaded before, for all servers.
struct ServerView {
  let call: Call
  let tag: CloudTag
  private let admin: Bool
  private var ports: [String: [ServerPort]] = [:]
  private var hostStatus: [String: String] = [:]
  private var hostIDs: [String: String] = [:]

  init(_ call: Call, tag: CloudTag) {
    self.call = call
    self.tag = tag
    admin = call.caller?.isAdmin ?? false
  }

  /// Loads what the detailed view of these servers shows besides themselves.
  mutating func load(_ tx: Transaction, _ servers: [Server], _ networks: any NetworksContract) throws {
    let ids = servers.map(\.id)
    ports = try networks.ports(tx, servers: ids)
    let leaving = try CardTable.detaching(tx)
    if !leaving.isEmpty { ports = ports.mapValues { $0.filter { !leaving.contains($0.id) } } }
    let now = Timestamp.now()
    if admin, call.at(16) {
      for host in try HostTable.all(tx) { hostStatus[host.nodeID] = host.status(at: now) }
    }
    for server in servers {
      guard let host = server.host else { continue }
      let key = server.projectID + host
      if hostIDs[key] == nil { hostIDs[key] = Self.hostID(project: server.projectID, host: host) }
    }
  }

  /// An opaque name of a host, another one for each project.
  static func hostID(project: String, host: String) -> String {
    let digest = SHA256.hash(data: Array((project + host).utf8))
    return String(digest.map { String(UInt16($0) | 0x100, radix: 16).dropFirst() }.joined().prefix(56))
  }

  func brief(_ json: inout JSONWriter, _ server: Server) {
    json.object {
      $0.field("id", server.id)
      $0.field("name", server.name)
      $0.links(call, "/servers/\(server.id)")
    }
  }

  /// The detailed view; `one`: of a single server, which shows its groups too.
  func full(_ json: inout JSONWriter, _ server: Server, one: Bool) {
    json.object { json in
      base(&json, server)
      flavor(&json, server)
      image(&json, server)
      addresses(&json, server)
      states(&json, server)
      if admin { extended(&json, server) }
      later(&json, server, one: one)
    }
  }

  /// What an update answered before 2.75.
  func updated(_ json: inout JSONWriter, _ server: Server) {
    core(&json, server)
    flavor(&json, server)
    image(&json, server)
    json.field("addresses") { Self.write(ports[server.id] ?? [], to: &$0, extended: false) }
    progress(&json, server)
    if call.at(9) { json.field("locked", server.locked) }
    if call.at(19) { json.field("description", server.description) }
    if call.at(26) { json.field("tags", raw: server.tags) }
    if call.at(63) { json.field("trusted_image_certificates", String?.none) }
    if call.at(71) { json.field("server_groups", [String]()) }
    if call.at(73) { json.field("locked_reason", server.lockedReason) }
  }

  private func base(_ json: inout JSONWriter, _ server: Server) {
    core(&json, server)
    json.field("config_drive", server.configDrive ? "True" : "")
    json.field("key_name", server.key?.name)
    json.field("OS-EXT-AZ:availability_zone", server.host == nil ? "" : GuestDocuments.zone)
    json.field("os-extended-volumes:volumes_attached", [String]())
  }

  private func core(_ json: inout JSONWriter, _ server: Server) {
    json.field("id", server.id)
    json.field("name", server.name)
    json.field("status", server.state.status)
    json.field("tenant_id", server.projectID)
    json.field("user_id", server.userID)
    json.field("metadata", raw: server.metadata)
    json.field("hostId", server.host.flatMap { hostIDs[server.projectID + $0] } ?? "")
    json.field("accessIPv4", server.accessIPv4 ?? "")
    json.field("accessIPv6", server.accessIPv6 ?? "")
    json.field("created", server.createdAt.iso8601)
    json.field("updated", server.updatedAt.iso8601)
    json.links(call, "/servers/\(server.id)")
    json.field("OS-DCF:diskConfig", server.diskConfig)
  }

  private func flavor(_ json: inout JSONWriter, _ server: Server) {
    let flavor = server.flavor
    json.field("flavor") { json in
      guard call.at(47) else {
        json.field("id", flavor.id)
        return json.field("links", [call.bookmarkRoot + "/flavors/" + flavor.id]) { json, href in
          json.object {
            $0.field("rel", "bookmark")
            $0.field("href", href)
          }
        }
      }
      json.field("vcpus", flavor.vcpus)
      json.field("ram", flavor.memoryMiB)
      json.field("disk", flavor.diskGiB)
      json.field("ephemeral", flavor.ephemeralGiB)
      json.field("swap", flavor.swapMiB)
      json.field("original_name", flavor.name)
      json.field("extra_specs", raw: flavor.extraSpecs)
    }
  }

  private func image(_ json: inout JSONWriter, _ server: Server) {
    json.field("image") { json in
      json.field("id", server.imageID)
      json.field("links", [call.bookmarkRoot + "/images/" + server.imageID]) { json, href in
        json.object {
          $0.field("rel", "bookmark")
          $0.field("href", href)
        }
      }
      if call.at(98) {
        json.field("properties") { _ in }
      }
    }
  }

  func addresses(_ json: inout JSONWriter, _ server: Server) {
    let ports = ports[server.id] ?? []
    json.field("addresses") { Self.write(ports, to: &$0) }
    json.field("security_groups", Self.groups(ports)) { json, name in json.object { $0.field("name", name) } }
  }

  /// Names of the groups of all ports, each once, in order.
  static func groups(_ ports: [ServerPort]) -> [String] {
    var names: [String] = []
    for name in ports.flatMap(\.securityGroupNames) where !names.contains(name) { names.append(name) }
    return names
  }

  /// Members by network name, each with its addresses.
  static func write(
    _ ports: [ServerPort], to json: inout JSONWriter, only network: String? = nil, extended: Bool = true
  ) {
    var networks: [String] = []
    for port in ports where !networks.contains(port.networkName) { networks.append(port.networkName) }
    for name in networks where network == nil || network == name {
      let pairs = ports.filter { $0.networkName == name }.flatMap { port in port.addresses.map { (port.mac, $0) } }
      json.field(name, pairs) { json, pair in
        json.object {
          $0.field("version", pair.1.version)
          $0.field("addr", pair.1.address)
          if extended {
            $0.field("OS-EXT-IPS:type", pair.1.type)
            $0.field("OS-EXT-IPS-MAC:mac_addr", pair.0)
          }
        }
      }
    }
  }

  private func states(_ json: inout JSONWriter, _ server: Server) {
    json.field("OS-EXT-STS:task_state", server.state.task)
    json.field("OS-EXT-STS:vm_state", server.state.vm)
    json.field("OS-EXT-STS:power_state", server.state.power)
    json.field("OS-SRV-USG:launched_at", server.launchedAt?.iso8601Naive)
    json.field("OS-SRV-USG:terminated_at", String?.none)
    progress(&json, server)
  }

  private func progress(_ json: inout JSONWriter, _ server: Server) {
    if ["ACTIVE", "BUILD"].contains(server.state.status) {
      json.field("progress", 0)
    }
    if server.state.status == "ERROR", let fault = server.fault {
      json.field("fault") {
        $0.field("code", fault.code)
        $0.field("created", fault.created.iso8601)
        $0.field("message", fault.message)
        if admin { $0.field("details", fault.details ?? "") }
      }
    }
  }

  private func extended(_ json: inout JSONWriter, _ server: Server) {
    json.field("OS-EXT-SRV-ATTR:host", server.host)
    json.field("OS-EXT-SRV-ATTR:instance_name", tag.domain(server.id))
    json.field("OS-EXT-SRV-ATTR:hypervisor_hostname", server.host)
    guard call.at(3) else { return }
    json.field("OS-EXT-SRV-ATTR:hostname", server.hostname)
    json.field("OS-EXT-SRV-ATTR:kernel_id", "")
    json.field("OS-EXT-SRV-ATTR:launch_index", server.launchIndex)
    json.field("OS-EXT-SRV-ATTR:ramdisk_id", "")
    json.field("OS-EXT-SRV-ATTR:reservation_id", server.reservationID)
    json.field("OS-EXT-SRV-ATTR:root_device_name", "/dev/vda")
    json.field("OS-EXT-SRV-ATTR:user_data", server.userData)
  }

  /// What microversions after 2.3 added.
  private func later(_ json: inout JSONWriter, _ server: Server, one: Bool) {
    if call.at(9) { json.field("locked", server.locked) }
    if call.at(16), admin { json.field("host_status", server.nodeID.map { hostStatus[$0] ?? "UNKNOWN" } ?? "") }
    if call.at(19) { json.field("description", server.description) }
    if call.at(26) { json.field("tags", raw: server.tags) }
    if call.at(63) { json.field("trusted_image_certificates", String?.none) }
    if call.at(71), one { json.field("server_groups", [String]()) }
    if call.at(73) { json.field("locked_reason", server.lockedReason) }
    if call.at(90), !admin { json.field("OS-EXT-SRV-ATTR:hostname", server.hostname) }
    if call.at(96) { json.field("pinned_availability_zone", server.pinnedZone) }
    if call.at(100) { json.field("scheduler_hints", raw: server.schedulerHints) }
  }
}
