import Foundation
import Kit
import NodeLink
import Store

/// Looks at the cloud of a state directory, and at which other clouds there are, for the doctor. Everything is read
/// from files and the store itself: it works with the cloud down.
struct DoctorCloud {
  let state: StateDirectory

  /// nil where there is no cloud in this directory.
  func look() async -> DoctorFacts.Cloud? {
    guard let settings = (try? state.readSettings()) ?? nil else { return nil }
    var cloud = DoctorFacts.Cloud(id: settings.cloudID, tag: settings.tag)
    cloud.masquerades = settings.externalMasquerade
    cloud.down = ProcessRole.allCases.filter { Daemon(state, $0).processID == nil }
    cloud.apiAnswers = await APIClient.answers(settings.baseURL)
    for number in 1...settings.controlCount where number > 1 {
      if Daemon(state, .control, number).processID == nil {
        cloud.otherControlsDown.append(number)
      } else {
        let answers = await APIClient.answers(settings.seen(byControl: number).baseURL)
        cloud.apiAnswers = cloud.apiAnswers && answers
      }
    }
    cloud.store = await store(settings)
    if let journal = FileManager.default.contents(atPath: state.nodeJournal) {
      let manifest = HeldNames(journal: String(decoding: journal, as: UTF8.self))
      cloud.heldIDs = manifest.ids
      cloud.networkMTUs = manifest.networkMTUs
    } else if !FileManager.default.fileExists(atPath: state.nodeID) {
      // No node has ever run: it holds nothing.
      cloud.heldIDs = []
    }
    return cloud
  }

  private func store(_ settings: CloudSettings) async -> DoctorFacts.Store {
    var facts = DoctorFacts.Store()
    do {
      let seen = try await StoreAddress(state: state, settings: settings).peek { tx in
        (try StoreIdentity.read(tx), try DriftTable.counts(tx))
      }
      facts.cloudID = seen.0?.cloudID
      facts.epoch = seen.0?.epoch
      facts.openDrift = seen.1.map(\.open).reduce(0, +)
      facts.quarantined = seen.1.first { $0.field == .unknownObject }?.open ?? 0
    } catch let error as StoreError {
      let address = (try? StoreAddress(state: state, settings: settings)) ?? .sqlite(path: state.store)
      facts.problem = CloudStore.problem(address, error, "cannot be read").description
    } catch {
      facts.problem = "\(error)"
    }
    return facts
  }

  func diskFolders() -> [String] {
    let folder = state.node + "/disks/servers"
    return ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).map { folder + "/" + $0 }
  }

  /// Tags of this directory's cloud, of the standard directory's, and of those whose processes run.
  func knownTags() -> Set<String> {
    var directories: Set = [state, StateDirectory(StateDirectory.standard)]
    for process in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] where Int(process) != nil {
      guard let data = FileManager.default.contents(atPath: "/proc/\(process)/cmdline") else { continue }
      let words = data.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
      guard words.count > 1, ProcessRole.allCases.map(\.rawValue).contains(words[1]),
        let option = words.firstIndex(of: "--state-dir"), option + 1 < words.count
      else { continue }
      directories.insert(StateDirectory(words[option + 1]))
    }
    return Set(directories.compactMap { ((try? $0.readSettings()) ?? nil)?.tag.text })
  }

  /// The newest moment this cloud has written down, and where: its files' times, and the last change in its store.
  func newest() async -> (Timestamp, String)? {
    let places = [
      state.store, state.store + "-wal", state.nodeJournal, state.log(.control), state.log(.node), state.settings,
    ]
    var moments = places.compactMap { path -> (Timestamp, String)? in
      let attributes = try? FileManager.default.attributesOfItem(atPath: path)
      guard let date = attributes?[.modificationDate] as? Date else { return nil }
      return (Timestamp(microseconds: Int64(date.timeIntervalSince1970 * 1_000_000)), path)
    }
    if let settings = (try? state.readSettings()) ?? nil,
      let address = try? StoreAddress(state: state, settings: settings)
    {
      let change = try? await address.peek { tx in
        try tx.first("SELECT at FROM changes ORDER BY revision DESC LIMIT 1") { $0.time(0) }
      }
      if let change = change ?? nil { moments.append((change, "the newest row of \(address)")) }
    }
    return moments.max { $0.0 < $1.0 }
  }
}

/// The names in a node's journal of what it holds, without knowing what each kind of object is.
struct HeldNames {
  /// Every id that a held object is, or speaks of.
  private(set) var ids: Set<String> = []
  private(set) var networkMTUs: [String: Int] = [:]

  init(journal: String) {
    var held: [String: JSONValue] = [:]
    for line in journal.split(separator: "\n") {
      guard let entry = try? JSONValue(parsing: String(line)) else { continue }
      if let object = entry["held"]?["_0"], let key = Self.name(object["key"]) { held[key] = object }
      if let key = Self.name(entry["forget"]?["key"]) { held[key] = nil }
    }
    for object in held.values {
      collect(object)
      if let network = object["spec"]?["network"]?["_0"], let id = network["id"]?.string,
        case .int(let mtu)? = network["mtu"]
      {
        networkMTUs[id] = mtu
      }
    }
  }

  private static func name(_ key: JSONValue?) -> String? {
    guard let kind = key?["kind"]?.string, let id = key?["id"]?.string else { return nil }
    return "\(kind)/\(id)"
  }

  private mutating func collect(_ value: JSONValue) {
    switch value {
    case .string(let text): if Identifier.isUUID(text) { ids.insert(text.lowercased()) }
    case .array(let values): for value in values { collect(value) }
    case .object(let members): for value in members.values { collect(value) }
    default: break
    }
  }
}
