import API
import Auth
import Contracts
import Kit
import NodeLink
import Store

/// Makes servers: quota, image, claim, ports, pin and manifest in one transaction.
struct ServerCreation: Sendable {
  let context: ComputeContext
  let lifecycle: ServerLifecycle

  /// The servers made, the first one first. Throws `Fault`.
  func create(
    _ tx: Transaction, _ body: ServerCreateBody, principal: Principal, project: String, requestID: String
  ) throws -> [Server] {
    guard let flavor = try FlavorTable.find(tx, id: body.flavorID, for: principal) else {
      throw Fault.badRequest("Flavor \(body.flavorID.quoted) could not be found.")
    }
    guard let image = try context.images.image(tx, id: body.imageID, for: principal) else {
      throw Fault.badRequest("Can not find requested image")
    }
    let disk = try rootDisk(image, flavor)
    let key = try key(tx, body, principal)
    if let host = body.host, try !HostTable.all(tx).contains(where: { $0.hostname == host }) {
      throw Fault.badRequest("Compute host \(host.quoted) could not be found.")
    }
    try ComputeQuota.checkMetadata(tx, project: project, count: body.metadata.count)
    let count = try ComputeQuota.admit(
      tx, project: project, flavor: flavor, minimum: body.minCount, maximum: body.maxCount)
    let reservationID = "r-" + String(Identifier.hex().prefix(8))
    return try (0..<count).map { index in
      var server = newServer(
        body, principal: principal, project: project, flavor: flavor, disk: disk, key: key, index: index,
        many: body.maxCount > 1)
      server.reservationID = reservationID
      try place(tx, &server, body, principal: principal, requestID: requestID)
      return server
    }
  }

  /// Checks that the image boots and fits. Throws `Fault` 400.
  private func rootDisk(_ image: ImageRecord, _ flavor: Flavor) throws -> ServerSpec.RootDisk {
    guard image.status == "active", let digest = image.digest, let format = image.diskFormat else {
      throw Fault.badRequest("Image \(image.id) is not active.")
    }
    guard format == "qcow2" || format == "raw" else {
      throw Fault.badRequest("Image \(image.id) is unacceptable: its disk format \(format.quoted) does not boot here.")
    }
    guard flavor.memoryMiB >= image.minRAMMiB else {
      throw Fault.badRequest("Flavor's memory is too small for requested image.")
    }
    guard flavor.ephemeralGiB == 0, flavor.swapMiB == 0 else {
      throw Fault.badRequest("Flavor \(flavor.id.quoted) asks for an ephemeral or swap disk, which is not supported.")
    }
    let flavorBytes = Int64(flavor.diskGiB) << 30
    if flavor.diskGiB > 0 {
      guard flavor.diskGiB >= image.minDiskGiB else {
        throw Fault.badRequest(
          "Flavor's disk is smaller than the minimum size specified in image metadata. Flavor disk is \(flavorBytes) "
            + "bytes, minimum size is \(Int64(image.minDiskGiB) << 30) bytes.")
      }
      guard image.virtualSizeBytes <= flavorBytes else {
        throw Fault.badRequest(
          "Flavor's disk is too small for requested image. Flavor disk is \(flavorBytes) bytes, image is "
            + "\(image.virtualSizeBytes) bytes.")
      }
    }
    return .init(
      id: "", sizeBytes: flavor.diskGiB > 0 ? flavorBytes : image.virtualSizeBytes,
      base: .init(
        digest: digest, format: format, sizeBytes: image.sizeBytes, virtualSizeBytes: image.virtualSizeBytes),
      made: false)
  }

  private func key(_ tx: Transaction, _ body: ServerCreateBody, _ principal: Principal) throws -> Server.Key? {
    guard let name = body.keyName else { return nil }
    guard let key = try KeypairTable.find(tx, user: principal.userID, name: name) else {
      throw Fault.badRequest("Invalid key_name provided.")
    }
    return .init(name: key.name, type: key.type, publicKey: key.publicKey)
  }

  private func newServer(
    _ body: ServerCreateBody, principal: Principal, project: String, flavor: Flavor, disk: ServerSpec.RootDisk,
    key: Server.Key?, index: Int, many: Bool
  ) -> Server {
    let id = Identifier.uuid()
    let name = many ? "\(body.name)-\(index + 1)" : body.name
    var disk = disk
    disk.id = Identifier.uuid()
    let now = Timestamp.now()
    return Server(
      id: id, projectID: project, userID: principal.userID, name: name, description: body.description,
      hostname: body.hostname ?? ServerFields.hostname(from: name, id: id),
      flavor: .init(
        id: flavor.id, name: flavor.name, vcpus: flavor.vcpus, memoryMiB: flavor.memoryMiB, diskGiB: flavor.diskGiB,
        ephemeralGiB: flavor.ephemeralGiB, swapMiB: flavor.swapMiB,
        extraSpecs: ServerFields.text(flavor.extraSpecs)),
      imageID: body.imageID, rootDisk: disk, key: key, userData: body.userData, configDrive: body.configDrive,
      pinnedZone: body.zone, schedulerHints: body.schedulerHints, diskConfig: body.diskConfig,
      accessIPv4: body.accessIPv4, accessIPv6: body.accessIPv6, reservationID: "", launchIndex: index,
      metadata: ServerFields.text(body.metadata), tags: "[]", lockedBy: nil, lockedReason: nil, nodeID: nil, host: nil,
      seed: Identifier.hex() + Identifier.hex(), adminPass: body.adminPass,
      asked: .init(power: .running, bootEpoch: 1, operationID: nil), deleting: false, action: nil, seen: nil,
      condition: nil, errorKind: nil, fault: nil, createdAt: now, updatedAt: now, launchedAt: nil,
      state: .init(vm: "building", task: nil, power: 0, status: "BUILD"))
  }

  /// Claims a host, stores the server, gives it its cards and tells the node. Without a host it is in error, with why.
  private func place(
    _ tx: Transaction, _ server: inout Server, _ body: ServerCreateBody, principal: Principal, requestID: String
  ) throws {
    var host = try context.placement.claim(
      tx, serverID: server.id, projectID: server.projectID, userID: server.userID, resources: server.resources)
    if let asked = body.host, let claimed = host, claimed.hostname != asked {
      try context.placement.release(tx, serverID: server.id)
      host = nil
    }
    server.nodeID = host?.nodeID
    server.host = host?.hostname
    try ServerTable.insert(tx, server)
    if !body.tags.isEmpty { try ServerTable.setTags(tx, &server, body.tags) }
    _ = try context.networks.attach(
      tx, server: .init(id: server.id, projectID: server.projectID, hostname: server.hostname), requests: body.cards,
      securityGroups: body.securityGroups ?? [], principal: principal, nodeID: server.nodeID, requestID: requestID)
    if server.nodeID != nil {
      try context.images.pin(
        tx, digest: server.rootDisk.base.digest, holder: ServerLifecycle.holder(server.id))
    }
    try lifecycle.begin(tx, &server, .create, requestID: requestID, userID: principal.userID) { _ in }
    if server.nodeID == nil {
      let refusals = try context.placement.refusals(tx, resources: server.resources)
      try lifecycle.fail(
        tx, &server, HostShortage.trouble(refusals, server.resources, asked: body.host))
      server.adminPass = nil
      try ServerTable.save(tx, &server)
    }
  }
}

extension Server {
  /// What it takes of its host.
  var resources: Resources {
    let gibibyte = Int64(1) << 30
    return Resources(
      vcpus: flavor.vcpus, memoryMiB: flavor.memoryMiB, diskGiB: Int((rootDisk.sizeBytes + gibibyte - 1) / gibibyte))
  }
}
