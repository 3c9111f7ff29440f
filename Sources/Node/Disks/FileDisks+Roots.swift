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

    let found = try DiskRecord.find(recordPath)
    if DiskFiles.isFile(overlay) {
      // Not completed before a crash, or edited or removed by hand: the disk's spec says what it stands on.
      let whole = made(disk, since: found)
      if found != .record(whole) { try whole.write(recordPath) }
    } else {
      guard !disk.made, !Self.wasMade(found) else { throw DiskError.dataMissing(path: overlay) }
      try await make(disk, overlay: overlay, base: base, recordPath: recordPath, folder: places.server(serverID))
    }
    guard DiskFiles.isFile(base) else { throw DiskError.baseUnavailable(reason: "\(base) is not there") }
    return DiskChain(overlayPath: overlay, basePath: base, baseFormat: disk.base.format)
  }

  /// Whether a disk was made once, as far as its record can tell. One that nobody can read may have been of a disk
  /// with data: nothing is made in its place.
  private static func wasMade(_ found: DiskRecord.Found) -> Bool {
    switch found {
    case .none: false
    case .record(let record): record.made
    case .unreadable: true
    }
  }

  private func made(_ disk: ServerSpec.RootDisk, since found: DiskRecord.Found) -> DiskRecord {
    var createdAt = Timestamp.now().microseconds
    if case .record(let record) = found { createdAt = record.createdAt }
    return DiskRecord(
      baseDigest: disk.base.digest, baseFormat: disk.base.format, sizeBytes: disk.sizeBytes, made: true,
      createdAt: createdAt)
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
    var record = made(disk, since: .none)
    record.made = false
    try record.write(recordPath)

    let temporary = overlay + ".new"
    do {
      try DiskFiles.remove(temporary)
      // With a size and -u the base is never opened: no byte a user wrote is read by a tool that runs as root.
      try await DiskTool.run(
        "qemu-img",
        ["create", "-q", "-u", "-f", "qcow2", "-F", disk.base.format, "-b", base, temporary, String(size)])
      try DiskFiles.own(temporary, uid: owner.uid, gid: owner.gid, mode: 0o600)
      try DiskFiles.publish(temporary, as: overlay)
    } catch {
      // Never made: neither a half file nor a promise of one stays, but where the overlay has its name already.
      try? DiskFiles.remove(temporary)
      if !DiskFiles.isFile(overlay) { try? DiskFiles.remove(recordPath) }
      throw error
    }
    record.made = true
    try record.write(recordPath)
  }

  public func rootDiskID(serverID: String) async -> String? {
    guard let folder = try? places.server(serverID), let ids = try? diskIDs(in: folder) else { return nil }
    return
      ids
      .filter { DiskFiles.isFile(folder + "/" + $0 + ".qcow2") }
      .map { (id: $0, createdAt: DiskRecord.readable(folder + "/" + $0 + ".json")?.createdAt ?? .min) }
      .max { ($0.createdAt, $0.id) < ($1.createdAt, $1.id) }?
      .id
  }

  /// Ids of the disks that have an overlay or a record in a server's folder.
  func diskIDs(in folder: String) throws -> Set<String> {
    guard DiskFiles.isDirectory(folder) else { return [] }
    return Set(
      try FileManager.default.contentsOfDirectory(atPath: folder).compactMap { name in
        guard name.hasSuffix(".json") || name.hasSuffix(".qcow2") else { return nil }
        let id = String(name.prefix { $0 != "." })
        return Identifier.isUUID(id) ? id : nil
      })
  }
}
