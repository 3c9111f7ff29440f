import Drivers
import Foundation
import Kit
import Logging
import NodeLink
import Subprocess
import Synchronization
import Testing

@testable import Hypervisor

/// Runs a command to its end and returns what it wrote.
@discardableResult
func command(_ tool: String, _ arguments: [String]) async throws -> String {
  let result = try await Subprocess.run(
    .name(tool), arguments: Arguments(arguments), output: .string(limit: 1 << 20), error: .string(limit: 1 << 16))
  try #require(result.terminationStatus.isSuccess, "\(tool) \(arguments): \(result.standardError)")
  return result.standardOutput
}

/// Waits until `condition` holds, `seconds` at most; false when it never did.
func eventually(seconds: Int, _ condition: () async throws -> Bool) async throws -> Bool {
  let deadline = ContinuousClock.now + .seconds(seconds)
  while ContinuousClock.now < deadline {
    if try await condition() { return true }
    try await Task.sleep(for: .milliseconds(50))
  }
  return try await condition()
}

/// The tiny guest, built where it is missing or older than its script.
enum TinyImage {
  static let directory = "/var/cache/haneul"
  static let disk = directory + "/tiny.qcow2"
  static let kernel = directory + "/vmlinuz"

  private static let built = Task {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let script = root.appendingPathComponent("Scripts/tiny-image.sh").path
    try await command("bash", [script, "--unless-current", directory])
  }

  static func ready() async throws { try await built.value }
}

/// A cloud of its own on the machine's libvirt, with a directory for its files.
struct Lab: Sendable {
  let tag = CloudTag(cloudID: Identifier.uuid())
  let directory = "/tmp/haneul-hypervisor-" + Identifier.hex()
  let user: QEMUUser
  let uri: String
  let hypervisor: LibvirtHypervisor

  init(uri: String = "qemu:///system") throws {
    self.uri = uri
    user = try QEMUUser.find()
    try FileManager.default.createDirectory(
      atPath: directory, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o711])
    hypervisor = try LibvirtHypervisor(tag: tag, uri: uri, directory: directory, logger: Logger(label: "test"))
  }

  /// Removes every domain of this cloud, and the directory.
  func end() async {
    for domain in (try? await hypervisor.domains()) ?? [] {
      try? await hypervisor.destroy(domain.serverID)
      try? await hypervisor.undefine(domain.serverID)
    }
    try? FileManager.default.removeItem(atPath: directory)
  }

  /// A spec of a tiny guest with an overlay of its own.
  func spec(name: String = "web", cards: [DomainSpec.Card] = []) async throws -> DomainSpec {
    try await TinyImage.ready()
    let id = Identifier.uuid()
    let overlay = "\(directory)/\(id).qcow2"
    try await command("qemu-img", ["create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", TinyImage.disk, overlay])
    try #require(chown(overlay, user.uid, user.gid) == 0)
    return DomainSpec(
      serverID: id, displayName: name, projectID: Identifier.hex(), vcpus: 1, memoryMiB: 128, bootEpoch: 1,
      rootDisk: DiskChain(overlayPath: overlay, basePath: TinyImage.disk, baseFormat: "qcow2"), configDrivePath: nil,
      consoleLogPath: "\(directory)/\(id).log", cards: cards)
  }

  /// A card on a tap that is there; `remove` it in the end.
  func card(slot: Int) async throws -> DomainSpec.Card {
    let card = cardWithoutTap(slot: slot)
    try await command("ip", ["tuntap", "add", "dev", card.tap, "mode", "tap", "vnet_hdr"])
    try await command("ip", ["link", "set", card.tap, "mtu", "1450"])
    return card
  }

  func cardWithoutTap(slot: Int, mac: String = MACAddress.random().description) -> DomainSpec.Card {
    let port = Identifier.uuid()
    return .init(tap: tag.interface(.tap, port), mac: mac, slot: slot, mtu: 1450, portID: port)
  }

  /// Defines a domain of somebody else with this metadata in it; returns its name.
  func foreign(metadata: String = "", name: String = "other-" + Identifier.hex()) async throws -> String {
    let xml = """
      <domain type='qemu'><name>\(name)</name><metadata>\(metadata)</metadata>
      <memory unit='MiB'>64</memory><os><type>hvm</type></os></domain>
      """
    let path = "\(directory)/\(name).xml"
    try Data(xml.utf8).write(to: URL(fileURLWithPath: path))
    try await virsh("define", path)
    return name
  }

  @discardableResult
  func virsh(_ arguments: String...) async throws -> String {
    try await command("virsh", ["-q", "-c", uri] + arguments)
  }

  func remove(_ card: DomainSpec.Card) async { _ = try? await command("ip", ["link", "delete", card.tap]) }

  /// The id of a server's QEMU process.
  func process(_ serverID: String) throws -> pid_t {
    let path = "/run/libvirt/qemu/\(tag.domain(serverID)).pid"
    let text = try String(contentsOfFile: path, encoding: .utf8)
    return try #require(pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)))
  }

  /// Waits until the console of `spec` says `text`.
  func console(_ spec: DomainSpec, says text: String, seconds: Int = 120) async throws -> Bool {
    try await eventually(seconds: seconds) {
      let bytes = FileManager.default.contents(atPath: spec.consoleLogPath) ?? Data()
      return String(decoding: bytes, as: UTF8.self).contains(text)
    }
  }

  /// Waits until the driver sees this power state.
  func power(_ spec: DomainSpec, is power: ServerObservation.Power, seconds: Int = 120) async throws -> Bool {
    try await eventually(seconds: seconds) { try await hypervisor.domain(spec.serverID)?.power == power }
  }
}

/// Collects what a driver's event stream says: server ids, and `all` where everything must be compared.
final class Seen: Sendable {
  private let events = Mutex<[String]>([])
  private let watcher = Mutex<Task<Void, Never>?>(nil)

  init(_ stream: AsyncStream<DomainEvent>) {
    watcher.withLock { watcher in
      watcher = Task { [weak self] in
        for await event in stream { self?.events.withLock { $0.append(event.serverID ?? "all") } }
      }
    }
  }

  func end() { watcher.withLock { $0?.cancel() } }
  func count(_ event: String) -> Int { events.withLock { $0.count { $0 == event } } }
  var kinds: Set<String> { events.withLock { Set($0) } }
}

/// A number that many tasks and threads add to.
final class Counter: Sendable {
  private let count = Mutex(0)
  func add() { count.withLock { $0 += 1 } }
  var value: Int { count.withLock { $0 } }
}
