public import Drivers
import Foundation
import Logging
public import NodeLink

extension FileDisks {
  public func ensureBase(_ base: ServerSpec.BaseImage, fetch: BlobFetch) async throws -> String {
    let path = try places.base(base.digest)
    try prepare()
    while !DiskFiles.isFile(path) {
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
      let found = await writer.finish()
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
      for record in try records(in: places.servers + "/" + server) { used.insert(record.value.baseDigest) }
    }
    for name in try FileManager.default.contentsOfDirectory(atPath: places.bases)
    where DiskPlaces.isDigest(name) && !used.contains(name) {
      try DiskFiles.remove(places.bases + "/" + name)
      logger.info("base removed", metadata: ["digest": "\(name)"])
    }
  }
}
