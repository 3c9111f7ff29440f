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
  private var hostIDs: [HostKey: String] = [:]
  private let roots: (own: String, bookmark: String, flavor: String, image: String)

  private struct HostKey: Hashable {
    var project: String
    var host: String
  }

  init(_ call: Call, tag: CloudTag) {
    self.call = call
    self.tag = tag
    admin = call.caller?.isAdmin ?? false
    let bookmark = call.bookmarkRoot
    roots = (call.root + "/servers/", bookmark + "/servers/", bookmark + "/flavors/", bookmark + "/images/")
  }

  /// What of a server must be known to find its text, or to load what its view needs.
  struct Key {
    var id: String
    var projectID: String
    var nodeID: String?
    var host: String?

    init(_ server: Server) {
      (id, projectID, nodeID, host) = (server.id, server.projectID, server.nodeID, server.host)
    }

    static let columns = "id, project_id, node_id, host"

    init(_ row: any Row) {
      (id, projectID, nodeID, host) = (row.text(0), row.text(1), row.textOrNil(2), row.textOrNil(3))
    }
  }

  /// The texts of servers, in their order: what the shelf has, and the others encoded now.
  mutating func texts(
    _ tx: Transaction, _ keys: [Key], one: Bool, _ context: ComputeContext, columns: String
  ) throws -> [[UInt8]] {
    if keys.isEmpty { return [] }
    try loadHosts(tx, keys)
    let wanted = keys.map { (id: $0.id, hostStatus: shownStatus($0.nodeID)) }
    let kind = ServerShelf.View(version: call.version, root: roots.own, admin: admin, one: one)
    let revision = try context.shelf.catchUp(tx)
    var texts = revision.map { context.shelf.find(wanted, kind, at: $0) } ?? keys.map { _ in nil }
    let missing = texts.indices.filter { texts[$0] == nil }
    if missing.isEmpty { return texts.compactMap { $0 } }
    try load(tx, missing.map { keys[$0] }, context.networks)
    let places = Dictionary(missing.map { (keys[$0].id, $0) }, uniquingKeysWith: { $1 })
    var json = JSONWriter(capacity: 4096)
    try tx.forEach("SELECT \(raw: columns) FROM server WHERE id IN (\(list: missing.map { keys[$0].id }))") { row in
      let server = ServerColumns.decode(row)
      full(&json, server, one: one)
      if let place = places[server.id] { texts[place] = json.text() }
    }
    if let revision {
      let fresh = missing.compactMap { place in
        texts[place].map { (id: keys[place].id, hostStatus: wanted[place].hostStatus, json: $0) }
      }
      context.shelf.keep(fresh, kind, at: revision)
    }
    return texts.compactMap { $0 }
  }

  /// Whether the state of a server's host is shown.
  private var showsHosts: Bool { admin && call.at(16) }

  private func shownStatus(_ node: String?) -> String? {
    showsHosts ? node.map { hostStatus[$0] ?? "UNKNOWN" } ?? "" : nil
  }

  private mutating func loadHosts(_ tx: Transaction, _ servers: [Key]) throws {
    guard showsHosts else { return }
    let now = Timestamp.now()
    for host in try HostTable.list(tx, nodeIDs: Set(servers.compactMap(\.nodeID))) {
      hostStatus[host.nodeID] = host.status(at: now)
    }
  }

  /// Loads what the detailed view of these servers shows besides themselves and their hosts.
  private mutating func load(_ tx: Transaction, _ servers: [Key], _ networks: any NetworksContract) throws {
    ports = try networks.ports(tx, servers: servers.map(\.id))
    let leaving = try CardTable.detaching(tx)
    if !leaving.isEmpty { ports = ports.mapValues { $0.filter { !leaving.contains($0.id) } } }
    for server in servers {
      guard let host = server.host else { continue }
      let key = HostKey(project: server.projectID, host: host)
      if hostIDs[key] == nil { hostIDs[key] = Self.hostID(project: server.projectID, host: host) }
    }
  }

  /// Loads all that the view of one server needs.
  mutating func load(_ tx: Transaction, _ server: Server, _ networks: any NetworksContract) throws {
    try loadHosts(tx, [Key(server)])
    try load(tx, [Key(server)], networks)
  }

  /// An opaque name of a host, another one for each project.
  static func hostID(project: String, host: String) -> String {
    let digest = SHA256.hash(data: Array((project + host).utf8))
    return String(digest.map { String(UInt16($0) | 0x100, radix: 16).dropFirst() }.joined().prefix(56))
  }

  /// What `brief` reads.
  static let briefColumns = "id, name"

  /// The short view, from a row of `briefColumns`.
  func brief(_ json: inout JSONWriter, _ row: any Row) {
    let id = row.text(0)
    json.beginObject()
    json.field("id", id)
    json.field("name", row.text(1))
    links(&json, id)
    json.endObject()
  }

  private func links(_ json: inout JSONWriter, _ id: String) {
    json.key("links")
    json.beginArray()
    link(&json, "self", roots.own, id)
    link(&json, "bookmark", roots.bookmark, id)
    json.endArray()
  }

  private func link(_ json: inout JSONWriter, _ rel: String, _ root: String, _ id: String) {
    json.element()
    json.beginObject()
    json.field("rel", rel)
    json.field("href", root, id)
    json.endObject()
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
    let hostID = server.host.flatMap { hostIDs[HostKey(project: server.projectID, host: $0)] }
    json.field("hostId", hostID ?? "")
    json.field("accessIPv4", server.accessIPv4 ?? "")
    json.field("accessIPv6", server.accessIPv6 ?? "")
    json.field("created", server.createdAt.iso8601)
    json.field("updated", server.updatedAt.iso8601)
    links(&json, server.id)
    json.field("OS-DCF:diskConfig", server.diskConfig)
  }

  private func flavor(_ json: inout JSONWriter, _ server: Server) {
    let flavor = server.flavor
    json.field("flavor") { json in
      guard call.at(47) else {
        json.field("id", flavor.id)
        json.key("links")
        json.beginArray()
        link(&json, "bookmark", roots.flavor, flavor.id)
        return json.endArray()
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
      json.key("links")
      json.beginArray()
      link(&json, "bookmark", roots.image, server.imageID)
      json.endArray()
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
    if ports.count == 1 { return ports[0].securityGroupNames }
    var names: [String] = []
    for name in ports.flatMap(\.securityGroupNames) where !names.contains(name) { names.append(name) }
    return names
  }

  /// Members by network name, each with its addresses.
  static func write(
    _ ports: [ServerPort], to json: inout JSONWriter, only network: String? = nil, extended: Bool = true
  ) {
    for (place, first) in ports.enumerated() {
      let name = first.networkName
      // A network is written where its first port stands.
      guard network == nil || network == name, !ports[..<place].contains(where: { $0.networkName == name }) else {
        continue
      }
      json.key(name)
      json.beginArray()
      for port in ports[place...] where port.networkName == name {
        for address in port.addresses {
          json.element()
          json.beginObject()
          json.field("version", address.version)
          json.field("addr", address.address)
          if extended {
            json.field("OS-EXT-IPS:type", address.type)
            json.field("OS-EXT-IPS-MAC:mac_addr", port.mac)
          }
          json.endObject()
        }
      }
      json.endArray()
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
    if server.state.status == "ACTIVE" || server.state.status == "BUILD" { json.field("progress", 0) }
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
    if let status = shownStatus(server.nodeID) { json.field("host_status", status) }
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
