public import Drivers
import Foundation
import Kit
public import NodeLink

extension FileDisks {
  public func ensureRoot(_ disk: ServerSpec.RootDisk, serverID: String) async throws -> DiskChain {
    let overlay = try places.overlay(disk.id, of: serverID)
    let recordPath = try places.record(disk.id, of: serverID)
    let base = try places.base(disk.base.digest)
    try prepare()
    await enter(serverID)
    defer { leave(serverID) }

    let record = try DiskRecord.read(recordPath)
    if DiskFiles.isFile(overlay) {
      if record?.made != true { try made(disk, since: record).write(recordPath) }
    } else {
      guard !disk.made, record?.made != true else { throw DiskError.dataMissing(path: overlay) }
      try await make(disk, overlay: overlay, base: base, recordPath: recordPath, folder: places.server(serverID))
    }
    guard DiskFiles.isFile(base) else { throw DiskError.baseUnavailable(reason: "\(base) is not there") }
    return DiskChain(overlayPath: overlay, basePath: base, baseFormat: disk.base.format)
  }

  private func made(_ disk: ServerSpec.RootDisk, since record: DiskRecord?) -> DiskRecord {
    DiskRecord(
      baseDigest: disk.base.digest, baseFormat: disk.base.format, sizeBytes: disk.sizeBytes, made: true,
      createdAt: record?.createdAt ?? Timestamp.now().microseconds)
  }

  /// The record comes before the overlay, so that the base is held from the first moment, and is completed after it.
  private func make(
    _ disk: ServerSpec.RootDisk, overlay: String, base: String, recordPath: String, folder: String
  ) async throws {
    guard ["qcow2", "raw"].contains(disk.base.format) else {
      throw DiskError.baseUnavailable(reason: "an image of format \(disk.base.format) cannot be a base")
    }
    guard DiskFiles.isFile(base) else { throw DiskError.baseUnavailable(reason: "\(base) is not there") }
    // 0 asks for a disk as large as the image.
    let size = disk.sizeBytes == 0 ? disk.base.virtualSizeBytes : disk.sizeBytes
    guard size >= disk.base.virtualSizeBytes, size > 0 else {
      throw DiskError.toolFailed(
        tool: "qemu-img", reason: "a disk of \(size) bytes is smaller than its image of \(disk.base.virtualSizeBytes)")
    }
    try DiskFiles.directory(folder, mode: 0o750, gid: owner.gid)
    var record = made(disk, since: nil)
    record.made = false
    try record.write(recordPath)

    let temporary = overlay + ".new"
    try DiskFiles.remove(temporary)
    // With a size and -u the base is never opened: no byte a user wrote is read by a tool that runs as root.
    try await DiskTool.run(
      "qemu-img",
      ["create", "-q", "-u", "-f", "qcow2", "-F", disk.base.format, "-b", base, temporary, String(size)])
    try DiskFiles.own(temporary, uid: owner.uid, gid: owner.gid, mode: 0o600)
    try DiskFiles.publish(temporary, as: overlay)
    record.made = true
    try record.write(recordPath)
  }

  public func rootDiskID(serverID: String) async -> String? {
    guard let folder = try? places.server(serverID), let records = try? records(in: folder) else { return nil }
    return
      records
      .filter { DiskFiles.isFile(folder + "/" + $0.key + ".qcow2") }
      .max { $0.value.createdAt < $1.value.createdAt }?
      .key
  }

  /// The records in a server's folder, by disk id.
  func records(in folder: String) throws -> [String: DiskRecord] {
    guard DiskFiles.isDirectory(folder) else { return [:] }
    var found: [String: DiskRecord] = [:]
    for name in try FileManager.default.contentsOfDirectory(atPath: folder) where name.hasSuffix(".json") {
      let id = String(name.dropLast(5))
      guard Identifier.isUUID(id) else { continue }
      found[id] = try DiskRecord.read(folder + "/" + name)
    }
    return found
  }
}
