public import Drivers
import Foundation
import Logging
public import NodeLink

extension FileDisks {
  public func ensureBase(_ base: ServerSpec.BaseImage, fetch: BlobFetch) async throws -> String {
    let path = try places.base(base.digest)
    try prepare()
    while DiskFiles.size(path) != base.sizeBytes {
      if fetches[base.digest] != nil {
        do {
          try await withCheckedThrowingContinuation { fetches[base.digest, default: []].append($0) }
        } catch is CancellationError {
          // Only the one who fetched gave up: the next in line fetches.
          try Task.checkCancellation()
        }
      } else {
        try await fetchShared(base, to: path, fetch)
      }
    }
    return path
  }

  public func hasBase(_ base: ServerSpec.BaseImage) async -> Bool {
    guard let path = try? places.base(base.digest) else { return false }
    return DiskFiles.size(path) == base.sizeBytes
  }

  /// Fetches, and gives the outcome to those who came meanwhile.
  private func fetchShared(_ base: ServerSpec.BaseImage, to path: String, _ fetch: BlobFetch) async throws {
    fetches[base.digest] = []
    let outcome: Result<Void, any Error>
    do {
      try await fetchOne(base, to: path, fetch)
      outcome = .success(())
    } catch let error as DiskError {
      outcome = .failure(error)
    } catch {
      outcome = .failure(
        Task.isCancelled ? CancellationError() : DiskError.baseUnavailable(reason: String(describing: error)))
    }
    for waiter in fetches.removeValue(forKey: base.digest) ?? [] { waiter.resume(with: outcome) }
    try outcome.get()
  }

  private func fetchOne(_ base: ServerSpec.BaseImage, to path: String, _ fetch: BlobFetch) async throws {
    let temporary = places.temporaryBase()
    let writer = try BaseWriter(path: temporary, sizeBytes: base.sizeBytes)
    do {
      try await fetch(base.digest) { try await writer.write($0) }
      let found = try await writer.finish()
      guard found == base.digest else { throw DiskError.digestMismatch(expected: base.digest, found: found) }
      try DiskFiles.own(temporary, uid: 0, gid: owner.gid, mode: 0o440)
      try DiskFiles.publish(temporary, as: path)
    } catch {
      try? DiskFiles.remove(temporary)
      throw error
    }
  }

  public func removeUnusedBases(wanted: Set<String>) async throws {
    try prepare()
    var used = wanted
    for server in try FileManager.default.contentsOfDirectory(atPath: places.servers) {
      let folder = places.servers + "/" + server
      for id in try diskIDs(in: folder) {
        guard let record = DiskRecord.readable(folder + "/" + id + ".json") else {
          // Which base it stands on is not known: none goes until its record is written anew.
          logger.warning("no base is removed: a disk has no readable record", metadata: ["disk": "\(folder)/\(id)"])
          return
        }
        used.insert(record.baseDigest)
      }
    }
    for name in try FileManager.default.contentsOfDirectory(atPath: places.bases)
    where DiskPlaces.isDigest(name) && !used.contains(name) {
      try DiskFiles.remove(places.bases + "/" + name)
      logger.info("base removed", metadata: ["digest": "\(name)"])
    }
  }
}
