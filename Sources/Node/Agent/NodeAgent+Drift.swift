import Drivers
import Kit
import Logging
import NodeLink

/// What is found different on this host, beyond what convergence of its own object says.
extension NodeAgent {
  /// Strangers and quarantined objects that are told of one kind; further ones are in the log.
  static let strangersToldMax = 100

  /// Whether everything that was held at the start has been looked at: only then is silence about a finding its end.
  var hasSeenAll: Bool { unseenServers.isEmpty && networkLook != nil }

  func find(
    _ subject: String, _ key: ObjectKey?, _ field: DriftField, asked: String, found: String, done: String
  ) {
    drift.find(
      DriftFinding(
        subject: subject, key: key, field: field, asked: asked, found: found, since: .now(), done: done))
    reportSignal.raise()
  }

  func settle(_ subject: String, _ field: DriftField) {
    guard drift.isOpen(subject, field) else { return }
    drift.settle(subject, field)
    reportSignal.raise()
  }

  // MARK: the host

  /// Looks for what no object of the manifest makes anybody look at.
  func lookAround() async {
    for await _ in lookAroundSignal.stream {
      await noteStrangers()
      await noteBases()
    }
  }

  /// Domains that no manifest names are left alone, with our tag or without: absence never means delete.
  private func noteStrangers() async {
    if let foreign = try? await hypervisor.foreignDomains() {
      tell(.foreignDomain, foreign.map { "domain \($0)" }, found: "a domain of somebody else")
    }
    let before = Set(manifest.serverIDs)
    guard synced, let domains = try? await hypervisor.domains() else { return }
    let now = before.union(manifest.serverIDs)
    let found = Set(domains.map(\.serverID)).subtracting(now)
    if !found.isSubset(of: strangers) {
      logger.warning("domains that no manifest names are left alone", metadata: ["servers": "\(found.sorted())"])
    }
    strangers = found
    noteQuarantine()
  }

  /// These are there, and others of the field are not any more.
  func tell(_ field: DriftField, _ subjects: [String], found: String) {
    let told = subjects.sorted().prefix(Self.strangersToldMax)
    for subject in told {
      find(subject, nil, field, asked: "nothing of this cloud", found: found, done: "left alone")
    }
    drift.settle(field, except: Set(told))
  }

  /// What carries our mark and control does not know stays as it is until control says something of it.
  func noteQuarantine() {
    var keys = manifest.unknown
    if synced { keys.formUnion(manifest.unconfirmed) }
    if keys.contains(where: { !drift.isOpen($0.description, .unknownObject) }) {
      let names = keys.map(\.description).sorted()
      logger.warning("control does not know these; they are left as they are", metadata: ["objects": "\(names)"])
    }
    let domains = strangers.map { ObjectKey(.server, $0) }.filter { manifest.objects[$0] == nil }
    let told = (keys.union(domains)).sorted { $0.description < $1.description }.prefix(DriftBook.openMax / 2)
    for key in told {
      let generation = manifest.objects[key]?.generation
      find(
        key.description, key, .unknownObject, asked: "nothing that control knows",
        found: generation.map { "held at generation \($0)" } ?? "a domain with this cloud's mark",
        done: "left as it is, until control asks for it or deletes it")
    }
    drift.settle(.unknownObject, except: Set(told.map(\.description)))
    reportSignal.raise()
  }

  // MARK: base images

  /// Bases under disks that were made must be there: a guest's next boot needs them.
  private func noteBases() async {
    for (digest, image) in manifest.basesInUse where baseTasks[digest] == nil {
      let isThere = await disks.hasBase(image)
      guard baseTasks[digest] == nil else { continue }
      let subject = Self.baseSubject(digest)
      if isThere {
        settle(subject, .baseImage)
        continue
      }
      find(
        subject, nil, .baseImage, asked: "\(image.sizeBytes) bytes under servers of this host",
        found: "its file is gone or cut short", done: "fetched again")
      guard baseTasks.count < Self.basesAtOnce else { continue }
      bases[digest] = BaseEntry(stage: .fetching)
      fetch(image)
    }
    let wanted = manifest.baseDigests
    for finding in drift.openFindings where finding.field == .baseImage {
      if !wanted.contains(where: { Self.baseSubject($0) == finding.subject }) { settle(finding.subject, .baseImage) }
    }
  }

  private static func baseSubject(_ digest: String) -> String { "base image \(digest)" }

  /// A fetch ended: the finding that called for it is over, or says why not.
  func baseFetched(_ digest: String, problem: String?) {
    let subject = Self.baseSubject(digest)
    guard drift.isOpen(subject, .baseImage) else { return }
    if let problem { drift.failed(subject, problem) } else { settle(subject, .baseImage) }
    reportSignal.raise()
  }

  // MARK: servers

  func drifted(_ field: DriftField, serverID: String, asked: String, found: String, done: String) {
    let key = ObjectKey(.server, serverID)
    find(key.description, key, field, asked: asked, found: found, done: done)
  }
}
