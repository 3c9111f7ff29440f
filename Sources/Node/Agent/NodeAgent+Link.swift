import Drivers
import Foundation
import Kit
import Logging
import NodeLink

/// The stream from control, and the journal behind it.
extension NodeAgent {
  /// Why a stream was given up by this side.
  private struct ManifestRefused: Error {
    var reason: String
  }

  /// Control does not take the reports of this connection: a greeting of before was stored after this one's.
  private struct Outlived: Error {}

  func followControl() async {
    var pause = timing.reconnectFirst
    while !Task.isCancelled {
      do {
        for try await message in link.messages(hello: try await hello()) {
          try await receive(message)
          pause = timing.reconnectFirst
        }
        logger.info("control ended the stream")
      } catch let refused as ManifestRefused {
        if refusal != refused.reason {
          logger.error("the manifest is refused and nothing is touched", metadata: ["reason": "\(refused.reason)"])
        }
        refusal = refused.reason
        pause = timing.reconnectMax
      } catch {
        if !Task.isCancelled { logger.info("no link to control", metadata: ["error": "\(error)"]) }
      }
      connected = false
      guard (try? await Task.sleep(for: pause)) != nil else { return }
      pause = min(timing.reconnectMax, pause * 2)
    }
  }

  private func hello() async throws -> Hello {
    let facts: NodeFacts
    if let known = self.facts {
      facts = known
    } else {
      facts = try await hypervisor.facts()
      self.facts = facts
    }
    (life, reportsOfLife, outlived) = (Identifier.uuid(), 0, false)
    return Hello(
      nodeID: nodeID, facts: facts, cloudID: manifest.cloudID, epoch: manifest.epoch, held: manifest.held, life: life)
  }

  private func receive(_ message: LinkMessage) async throws {
    // Said by whatever comes next down the stream: a ping, at the latest.
    if outlived { throw Outlived() }
    if case .welcome(let cloudID, let epoch) = message { return try welcome(cloudID: cloudID, epoch: epoch) }
    guard connected, let offered else { throw ManifestRefused(reason: "the stream does not say whose manifest it is") }
    switch message {
    case .welcome, .ping: break
    case .object(let object): admitted(manifest.admit(object))
    case .tombstone(let tombstone): admitted(manifest.admit(tombstone))
    case .query(let query): answer(query)
    case .unknown(let keys): manifest.noteUnknown(keys)
    case .synced:
      synced = true
      if manifest.cloudID != offered.cloudID || manifest.epoch != offered.epoch {
        manifest.bind(cloudID: offered.cloudID, epoch: offered.epoch)
        write(.binding(cloudID: offered.cloudID, epoch: offered.epoch))
      }
      noteQuarantine()
      lookAroundSignal.raise()
      // The first look that has the whole manifest is remembered: from then on what differs is drift.
      networkDirty = true
      networkSignal.raise()
    }
    while unwritten.count > Self.unwrittenMax, !Task.isCancelled { try await Task.sleep(for: .milliseconds(10)) }
  }

  private func welcome(cloudID: String, epoch: Int64) throws {
    connected = false
    guard cloudID == self.cloudID else {
      throw ManifestRefused(reason: "it is of the cloud \(cloudID), this node is of \(self.cloudID)")
    }
    if let held = manifest.cloudID, held != cloudID {
      throw ManifestRefused(reason: "it is of the cloud \(cloudID), this node holds one of \(held)")
    }
    guard epoch >= manifest.epoch else {
      throw ManifestRefused(reason: "its epoch \(epoch) is older than this node's \(manifest.epoch)")
    }
    if manifest.cloudID == nil || epoch > manifest.epoch { manifest.distrustGenerations() }
    offered = (cloudID, epoch)
    refusal = nil
    connected = true
    manifest.forgetUnknown()
    outbox.sayAllAgain()
    drift.sayAllAgain()
    reportSignal.raise()
  }

  private func admitted(_ held: HeldObject?) {
    guard let held else { return }
    write(.held(held))
    portIndex = nil
    if drift.isOpen(held.key.description, .unknownObject) { noteQuarantine() }
    if held.key.kind == .server {
      servers.add(held.key.id, first: held.buried)
      if held.buried { endUselessFetches() }
      serverSignal.raise()
    } else {
      networkDirty = true
      networkSignal.raise()
    }
  }

  // MARK: the journal

  /// Queues an entry for the disk. What is lost by a crash, control says again; but a server's work waits for it, or
  /// the next agent would first undo what this one has done. Only a disk that refuses is not waited for.
  func write(_ entry: JournalEntry) {
    unwritten.append(entry)
    journalSignal.raise()
  }

  func writeJournal() async {
    for await _ in journalSignal.stream {
      while !unwritten.isEmpty {
        // They count as unwritten until they are on the disk.
        let batch = unwritten
        do {
          try await journal.append(batch.compactMap(asOfNow))
          unwritten.removeFirst(batch.count)
          journalWorks = true
          sayRemovals()
          wakeServers(of: batch)
        } catch {
          journalWorks = false
          wakeServers(of: batch)
          logger.error("the manifest cannot be written", metadata: ["error": "\(error)"])
          guard (try? await Task.sleep(for: timing.retryFirst)) != nil else { return }
        }
      }
    }
  }

  /// Servers that waited for what is asked of them to be on the disk.
  private func wakeServers(of batch: [JournalEntry]) {
    for case .held(let held) in batch where held.key.kind == .server {
      servers.add(held.key.id, first: held.buried)
    }
    serverSignal.raise()
  }

  /// A record that waited for the disk may be out of date: what is written is the present one.
  func asOfNow(_ entry: JournalEntry) -> JournalEntry? {
    guard case .record(let serverID, _) = entry else { return entry }
    return manifest.records[serverID].map { .record(serverID: serverID, record: $0) }
  }

  // MARK: queries

  private func answer(_ query: NodeQuery) {
    guard openQueries < Self.queriesAtOnce else {
      logger.warning("too many queries at once; one is left unanswered", metadata: ["query": "\(query.id)"])
      return
    }
    openQueries += 1
    Task {
      let answer = await self.look(query)
      do { try await link.answer(answer) } catch {
        logger.info("an answer was lost", metadata: ["query": "\(query.id)", "error": "\(error)"])
      }
      openQueries -= 1
    }
  }

  private func look(_ query: NodeQuery) async -> NodeAnswer {
    switch query.subject {
    case .consoleLog(let serverID, let bytesMax): await console(query.id, serverID, bytesMax)
    case .packetPath(let portID): await packetPath(query.id, portID)
    }
  }

  private func console(_ queryID: String, _ serverID: String, _ bytesMax: Int) async -> NodeAnswer {
    guard manifest.server(serverID) != nil else {
      return NodeAnswer(queryID: queryID, bodyBase64: nil, error: "This node does not hold that server.")
    }
    do {
      let limit = max(0, min(bytesMax, Self.consoleBytesMax))
      let bytes = try await disks.consoleLog(serverID: serverID, bytesMax: limit)
      return NodeAnswer(queryID: queryID, bodyBase64: bytes.map { Data($0).base64EncodedString() }, error: nil)
    } catch {
      logger.warning("a console log cannot be read", metadata: ["server": "\(serverID)", "error": "\(error)"])
      return NodeAnswer(queryID: queryID, bodyBase64: nil, error: "The console log cannot be read.")
    }
  }

  private func packetPath(_ queryID: String, _ portID: String) async -> NodeAnswer {
    guard let path = await dataplane.packetPath(portID: portID) else {
      return NodeAnswer(queryID: queryID, bodyBase64: nil, error: "This node does not hold that port.")
    }
    guard let body = try? JSONEncoder().encode(path) else {
      return NodeAnswer(queryID: queryID, bodyBase64: nil, error: "The way of the packets cannot be told.")
    }
    return NodeAnswer(queryID: queryID, bodyBase64: body.base64EncodedString(), error: nil)
  }
}
