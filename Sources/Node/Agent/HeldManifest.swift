import Drivers
import Kit
import NodeLink

/// What this node should hold, and its records of what it did: a value, changed only by its own rules.
struct HeldManifest: Sendable {
  private(set) var objects: [ObjectKey: HeldObject] = [:]
  private(set) var records: [String: ServerRecord] = [:]
  private var settled: [ObjectKey: Int64] = [:]
  /// The epoch under which the network was looked at whole, in this boot.
  private(set) var networkEpoch: Int64?
  private(set) var bootID: String?
  /// Whose manifest this is; nil until the first one was received whole.
  private(set) var cloudID: String?
  private(set) var epoch: Int64 = 0
  /// Held objects the present stream has not spoken of since a newer epoch began: any generation replaces them.
  private(set) var unconfirmed: Set<ObjectKey> = []
  /// Held objects that control says it does not know: what it says of them next counts, whatever the generation.
  private(set) var unknown: Set<ObjectKey> = []

  /// Puts a journal line back in.
  mutating func replay(_ entry: JournalEntry) {
    switch entry {
    case .binding(let cloudID, let epoch): (self.cloudID, self.epoch) = (cloudID, epoch)
    case .held(let held): objects[held.key] = held
    case .forget(let key, let generation): forget(key, upTo: generation)
    case .record(let serverID, let record): records[serverID] = record
    case .settled(let key, let generation): settled[key] = generation
    case .network(let epoch): networkEpoch = epoch
    case .boot(let id): begin(boot: id)
    }
  }

  /// The host was booted: nothing of its network stands, and no guest runs.
  mutating func begin(boot id: String) {
    bootID = id
    settled = [:]
    networkEpoch = nil
  }

  /// Notes that an object is as asked at this generation; says whether that is news.
  mutating func settle(_ key: ObjectKey, generation: Int64) -> Bool {
    guard objects[key]?.generation == generation else { return false }
    return settled.updateValue(generation, forKey: key) != generation
  }

  /// Whether the object was as asked at this generation before, in this boot: then what differs is drift.
  func isSettled(_ key: ObjectKey, generation: Int64) -> Bool { settled[key] == generation }

  mutating func settleNetwork() { networkEpoch = epoch }

  /// A newer epoch begins: generations may start anew.
  mutating func distrustGenerations() { unconfirmed = Set(objects.keys) }

  /// A stream begins: it says anew what it does not know.
  mutating func forgetUnknown() { unknown = [] }

  mutating func noteUnknown(_ keys: [ObjectKey]) { unknown.formUnion(keys.filter { objects[$0] != nil }) }

  mutating func bind(cloudID: String, epoch: Int64) { (self.cloudID, self.epoch) = (cloudID, epoch) }

  /// Takes an object in; nil where the node holds as new a generation already.
  mutating func admit(_ object: ManifestObject) -> HeldObject? {
    admit(
      HeldObject(
        key: object.key, generation: object.generation, requestID: object.requestID, spec: object.spec,
        digest: object.digest, buried: false))
  }

  /// Takes a tombstone in, keeping what was asked last; nil where the node holds something newer.
  mutating func admit(_ tombstone: Tombstone) -> HeldObject? {
    admit(
      HeldObject(
        key: tombstone.key, generation: tombstone.generation, requestID: tombstone.requestID,
        spec: objects[tombstone.key]?.spec, digest: nil, buried: true))
  }

  private mutating func admit(_ held: HeldObject) -> HeldObject? {
    let unsure = unconfirmed.remove(held.key) != nil
    let fresh = unknown.remove(held.key) != nil || unsure
    if let old = objects[held.key] {
      guard old != held, fresh || held.generation >= old.generation else { return nil }
    }
    objects[held.key] = held
    return held
  }

  mutating func keep(_ record: ServerRecord, serverID: String) { records[serverID] = record }

  /// Forgets a buried object, unless a younger generation of it has come. Says whether it did.
  @discardableResult
  mutating func forget(_ key: ObjectKey, upTo generation: Int64) -> Bool {
    guard let held = objects[key], held.generation <= generation else { return false }
    objects[key] = nil
    settled[key] = nil
    unconfirmed.remove(key)
    unknown.remove(key)
    if key.kind == .server { records[key.id] = nil }
    return true
  }

  /// Generation of everything held, for the greeting.
  var held: [Hello.Held] { objects.values.map { .init(key: $0.key, generation: $0.generation, digest: $0.digest) } }

  /// Servers, buried ones too.
  var serverIDs: [String] { objects.keys.filter { $0.kind == .server }.map(\.id) }

  /// The asked state of a server that is not buried.
  func server(_ id: String) -> ServerSpec? {
    guard let held = objects[ObjectKey(.server, id)], !held.buried, case .server(let spec) = held.spec else {
      return nil
    }
    return spec
  }

  /// The base images under disks that were made, by digest.
  var basesInUse: [String: ServerSpec.BaseImage] {
    let disks = serverIDs.compactMap { server($0) }.filter {
      $0.rootDisk.made || records[$0.id]?.madeDiskID == $0.rootDisk.id
    }.map(\.rootDisk)
    return Dictionary(disks.map { ($0.base.digest, $0.base) }, uniquingKeysWith: { first, _ in first })
  }

  /// Digests of the base images that servers stand on.
  var baseDigests: Set<String> { Set(serverIDs.compactMap { server($0)?.rootDisk.base.digest }) }
}
