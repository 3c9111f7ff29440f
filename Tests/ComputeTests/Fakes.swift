import API
import Auth
import Contracts
import Kit
import Store

/// The other services, as thin as the contracts allow. They keep what they are told in the same store, so that what a
/// transaction takes back is taken back here too.
struct Fakes {
  static let migrations = [
    Migration(
      room: "fakes", number: 1, .expand,
      [
        """
        CREATE TABLE fake_host (node_id TEXT PRIMARY KEY, hostname TEXT NOT NULL, vcpus INTEGER NOT NULL,
          memory_mib INTEGER NOT NULL, disk_gib INTEGER NOT NULL, enabled INTEGER NOT NULL)
        """,
        """
        CREATE TABLE fake_claim (server_id TEXT PRIMARY KEY, node_id TEXT NOT NULL, vcpus INTEGER NOT NULL,
          memory_mib INTEGER NOT NULL, disk_gib INTEGER NOT NULL)
        """,
        """
        CREATE TABLE fake_image (id TEXT PRIMARY KEY, owner TEXT NOT NULL, status TEXT NOT NULL, digest TEXT NOT NULL,
          format TEXT NOT NULL, bytes INTEGER NOT NULL, virtual_bytes INTEGER NOT NULL, min_disk INTEGER NOT NULL,
          min_ram INTEGER NOT NULL)
        """,
        "CREATE TABLE fake_pin (digest TEXT NOT NULL, holder TEXT NOT NULL, PRIMARY KEY (digest, holder))",
        """
        CREATE TABLE fake_port (number INTEGER PRIMARY KEY, id TEXT NOT NULL, server_id TEXT,
          project_id TEXT NOT NULL, network TEXT NOT NULL, address TEXT NOT NULL, mac TEXT NOT NULL, floating TEXT,
          tag TEXT, groups TEXT NOT NULL, node_id TEXT, hostname TEXT,
          made INTEGER NOT NULL DEFAULT 0)
        """,
      ])
  ]
}

struct FakePlacement: PlacementContract {
  func claim(
    _ tx: Transaction, serverID: String, projectID: String, userID: String, resources: Resources
  ) throws -> HostRecord? {
    for host in try hosts(tx)
    where try tx.exists("SELECT 1 FROM fake_host WHERE node_id = \(host.nodeID) AND enabled = 1") {
      guard host.total.vcpus - host.used.vcpus >= resources.vcpus,
        host.total.memoryMiB - host.used.memoryMiB >= resources.memoryMiB,
        host.total.diskGiB - host.used.diskGiB >= resources.diskGiB
      else { continue }
      try tx.execute(
        """
        INSERT INTO fake_claim (server_id, node_id, vcpus, memory_mib, disk_gib)
        VALUES (\(serverID), \(host.nodeID), \(resources.vcpus), \(resources.memoryMiB), \(resources.diskGiB))
        """)
      return host
    }
    return nil
  }

  func release(_ tx: Transaction, serverID: String) throws {
    try tx.execute("DELETE FROM fake_claim WHERE server_id = \(serverID)")
  }

  func refusals(_ tx: Transaction, resources: Resources) throws -> [HostRefusal] {
    try hosts(tx).compactMap { host in
      let enabled = try tx.exists("SELECT 1 FROM fake_host WHERE node_id = \(host.nodeID) AND enabled = 1")
      var reasons: [HostRefusal.Reason] = enabled ? [] : [.disabled]
      let free = (host.total.vcpus - host.used.vcpus, host.total.memoryMiB - host.used.memoryMiB)
      if free.0 < resources.vcpus { reasons.append(.vcpus(asked: resources.vcpus, free: free.0)) }
      if free.1 < resources.memoryMiB { reasons.append(.memoryMiB(asked: resources.memoryMiB, free: free.1)) }
      return reasons.isEmpty ? nil : HostRefusal(hostname: host.hostname, reasons: reasons)
    }
  }

  private func claims(_ tx: Transaction, _ which: SQL) throws -> [ClaimRecord] {
    try tx.query("SELECT server_id, node_id, vcpus, memory_mib, disk_gib FROM fake_claim WHERE \(which)") { row in
      ClaimRecord(
        serverID: row.text(0), nodeID: row.text(1),
        resources: Resources(vcpus: row.int(2), memoryMiB: row.int(3), diskGiB: row.int(4)))
    }
  }

  func claims(_ tx: Transaction, servers: [String]) throws -> [ClaimRecord] {
    try claims(tx, "server_id IN (\(list: servers))")
  }

  func claims(_ tx: Transaction, after serverID: String, limit: Int) throws -> [ClaimRecord] {
    try claims(tx, "server_id > \(serverID) ORDER BY server_id LIMIT \(limit)")
  }

  func hold(_ tx: Transaction, _ claim: ClaimRecord, projectID: String, userID: String) throws {
    try release(tx, serverID: claim.serverID)
    try tx.execute(
      """
      INSERT INTO fake_claim (server_id, node_id, vcpus, memory_mib, disk_gib)
      VALUES (\(claim.serverID), \(claim.nodeID), \(claim.resources.vcpus), \(claim.resources.memoryMiB),
        \(claim.resources.diskGiB))
      """)
  }

  func hosts(_ tx: Transaction) throws -> [HostRecord] {
    try tx.query(
      """
      SELECT h.node_id, h.hostname, h.vcpus, h.memory_mib, h.disk_gib, COALESCE(sum(c.vcpus), 0),
        COALESCE(sum(c.memory_mib), 0), COALESCE(sum(c.disk_gib), 0), count(c.server_id)
      FROM fake_host h LEFT JOIN fake_claim c ON c.node_id = h.node_id GROUP BY h.node_id ORDER BY h.hostname
      """
    ) { row in
      HostRecord(
        nodeID: row.text(0), hostname: row.text(1),
        total: Resources(vcpus: row.int(2), memoryMiB: row.int(3), diskGiB: row.int(4)),
        used: Resources(vcpus: row.int(5), memoryMiB: row.int(6), diskGiB: row.int(7)), serverCount: row.int(8))
    }
  }

  func setEnabled(_ tx: Transaction, nodeID: String, _ enabled: Bool) throws {
    try tx.execute("UPDATE fake_host SET enabled = \(enabled) WHERE node_id = \(nodeID)")
  }
}

struct FakeImages: ImagesContract {
  func image(_ tx: Transaction, id: String, for principal: Principal) throws -> ImageRecord? {
    try tx.first(
      """
      SELECT id, status, digest, format, bytes, virtual_bytes, min_disk, min_ram FROM fake_image
      WHERE id = \(id) AND (owner = '' OR owner = \(principal.projectID ?? ""))
      """
    ) { row in
      ImageRecord(
        id: row.text(0), name: "tiny", status: row.text(1), digest: row.text(2), diskFormat: row.text(3),
        sizeBytes: Int64(row.int(4)), virtualSizeBytes: Int64(row.int(5)), minDiskGiB: row.int(6),
        minRAMMiB: row.int(7))
    }
  }

  func pins(_ tx: Transaction, holders: [String]) throws -> [ImagePin] {
    try tx.query("SELECT digest, holder FROM fake_pin WHERE holder IN (\(list: holders))") {
      ImagePin(digest: $0.text(0), holder: $0.text(1))
    }
  }

  func pins(_ tx: Transaction, after holder: String, limit: Int) throws -> [ImagePin] {
    try tx.query("SELECT digest, holder FROM fake_pin WHERE holder > \(holder) ORDER BY holder LIMIT \(limit)") {
      ImagePin(digest: $0.text(0), holder: $0.text(1))
    }
  }

  /// Bytes are there as long as their image is.
  func pin(_ tx: Transaction, digest: String, holder: String) throws {
    guard try tx.exists("SELECT 1 FROM fake_image WHERE digest = \(digest)") else {
      throw Fault.conflict("The image's data is not there any more.")
    }
    try tx.execute("INSERT INTO fake_pin (digest, holder) VALUES (\(digest), \(holder)) ON CONFLICT DO NOTHING")
  }

  func unpin(_ tx: Transaction, digest: String, holder: String) throws {
    try tx.execute("DELETE FROM fake_pin WHERE digest = \(digest) AND holder = \(holder)")
  }
}

/// One network, `net`, on which every card gets the next address.
struct FakeNetworks: NetworksContract {
  static let networkID = "11111111-1111-4111-8111-111111111111"

  func attach(
    _ tx: Transaction, server: ServerReference, requests: [CardRequest]?, securityGroups: [String],
    principal: Principal, nodeID: String?, requestID: String
  ) throws -> [ServerPort] {
    let groups = (securityGroups.isEmpty ? ["default"] : securityGroups).joined(separator: ",")
    if groups.contains("nowhere") { throw Fault.badRequest("Security group 'nowhere' not found.") }
    var made: [String] = []
    for request in requests ?? [.network(id: Self.networkID, fixedIP: nil, tag: nil)] {
      switch request {
      case .port(let id, let tag):
        let changed = try tx.execute(
          """
          UPDATE fake_port SET number = (SELECT max(number) + 1 FROM fake_port), server_id = \(server.id), tag = \(tag),
            node_id = \(nodeID)
          WHERE id = \(id) AND project_id = \(server.projectID) AND server_id IS NULL
          """)
        guard changed == 1 else { throw Fault.badRequest("Port \(id) could not be found.") }
        made.append(id)
      case .network(let network, let fixedIP, let tag):
        guard network == Self.networkID else { throw Fault.badRequest("Network \(network) could not be found.") }
        let number = try tx.count("SELECT COALESCE(max(number), 0) FROM fake_port") + 1
        let id = Identifier.uuid()
        let address = fixedIP ?? "10.0.\(number / 250).\(number % 250 + 2)"
        try tx.execute(
          """
          INSERT INTO fake_port (number, id, server_id, project_id, network, address, mac, tag, groups, node_id,
            hostname, made)
          VALUES (\(number), \(id), \(server.id), \(server.projectID), \(network), \(address),
            \(MACAddress.random().description), \(tag), \(groups), \(nodeID), \(server.hostname), 1)
          """)
        made.append(id)
      }
    }
    for id in made { try tx.change("port", id) }
    return (try ports(tx, servers: [server.id])[server.id] ?? []).filter { made.contains($0.id) }
  }

  func detach(_ tx: Transaction, serverID: String, portIDs: [String], requestID: String) throws {
    try free(tx, "server_id = \(serverID) AND id IN (\(list: portIDs))")
  }

  /// Those made for a server go, the others are free again.
  private func free(_ tx: Transaction, _ which: SQL) throws {
    try tx.execute("DELETE FROM fake_port WHERE made = 1 AND \(which)")
    try tx.execute("UPDATE fake_port SET server_id = NULL, node_id = NULL, tag = NULL, hostname = NULL WHERE \(which)")
    try tx.change("port", "freed")
  }

  func servers(_ tx: Transaction, after serverID: String, limit: Int) throws -> [String] {
    try tx.query(
      "SELECT DISTINCT server_id FROM fake_port WHERE server_id > \(serverID) ORDER BY server_id LIMIT \(limit)"
    ) { $0.text(0) }
  }

  func release(_ tx: Transaction, serverID: String, requestID: String) throws {
    try free(tx, "server_id = \(serverID)")
  }

  func ports(_ tx: Transaction, servers: [String]) throws -> [String: [ServerPort]] {
    let ports = try tx.query(
      """
      SELECT id, server_id, network, address, mac, floating, tag, groups FROM fake_port
      WHERE server_id IN (\(list: servers)) ORDER BY number
      """
    ) { row in
      let floating = row.textOrNil(5).map {
        ServerPort.Address(address: $0, version: 4, type: "floating", subnetID: "subnet")
      }
      return ServerPort(
        id: row.text(0), serverID: row.text(1), networkID: row.text(2), networkName: "net", mac: row.text(4), mtu: 1450,
        status: "ACTIVE",
        addresses: [.init(address: row.text(3), version: 4, type: "fixed", subnetID: "subnet")]
          + (floating.map { [$0] } ?? []),
        subnets: [
          .init(
            id: "subnet", cidr: "10.0.0.0/16", version: 4, gateway: "10.0.0.1", dnsNameservers: ["10.0.0.53"],
            enableDHCP: true, ipv6AddressMode: nil)
        ], tag: row.textOrNil(6), securityGroupNames: row.text(7).split(separator: ",").map(String.init),
        securityGroupIDs: row.text(7).split(separator: ",").map { "id-\($0)" })
    }
    return Dictionary(grouping: ports, by: \.serverID)
  }

  func setSecurityGroup(
    _ tx: Transaction, serverID: String, projectID: String, group: String, present: Bool, requestID: String
  ) throws {
    if group == "nowhere" { throw Fault.notFound("Security group 'nowhere' not found.") }
    let groups = present ? "default,\(group)" : "default"
    try tx.execute("UPDATE fake_port SET groups = \(groups) WHERE server_id = \(serverID)")
    try tx.change("port", serverID)
  }

  func serverRenamed(_ tx: Transaction, serverID: String, hostname: String) throws {
    try tx.execute("UPDATE fake_port SET hostname = \(hostname) WHERE server_id = \(serverID)")
  }
}
