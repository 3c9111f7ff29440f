import Foundation
import Kit

/// Where one cloud keeps everything: the only place that knows its layout.
///
/// `control/` belongs to the unprivileged user, `node/` to root. `node/` itself can be entered by others (0711) because
/// QEMU, which runs unprivileged too, must reach its disks; what is private in it is 0700.
public struct StateDirectory: Sendable, Hashable {
  /// Where the state is when nobody says otherwise.
  public static let standard = "/var/lib/haneul"

  public let path: String

  public init(_ path: String) { self.path = URL(filePath: path).standardizedFileURL.path(percentEncoded: false) }

  private func below(_ name: String) -> String { path + "/" + name }

  public var settings: String { below("cloud.json") }
  public var cloudsYAML: String { below("clouds.yaml") }
  public var control: String { below("control") }
  public var store: String { below("control/store.sqlite") }
  /// The address of a PostgreSQL store, which may carry a password: readable by control's user alone.
  public var storeURL: String { below("control/store.url") }
  public var keys: String { below("control/fernet-keys") }
  public var credentialKeys: String { below("control/credential-keys") }
  public var images: String { below("control/images") }
  /// Passwords for the first users: read once by control, which removes it.
  public var bootstrap: String { below("control/bootstrap.json") }
  public var node: String { below("node") }
  /// This host's id in the cloud: there once a node has run.
  public var nodeID: String { below("node/node-id") }
  /// What the node holds of the manifest, a JSON line an entry; the agent's own.
  public var nodeJournal: String { below("node/manifest/journal") }
  /// Folder of the NodeLink socket, 0700.
  public var link: String { below("run/nodelink") }
  public var linkSocket: String { below("run/nodelink/control.sock") }
  /// The socket of the control process of that number, counted from 1.
  public func linkSocket(control number: Int) -> String {
    number == 1 ? linkSocket : below("run/nodelink/control-\(number).sock")
  }
  public var run: String { below("run") }
  /// There while the node is connected to control and has compared everything once.
  public var nodeReady: String { below("run/node.ready") }
  public var logs: String { below("log") }
  /// Files that control writes and rotates itself: the audit trail, and traces.
  var controlLogs: String { below("log/control") }
  func auditLog(control number: Int) -> String { controlLogs + (number == 1 ? "/audit.log" : "/audit-\(number).log") }
  func traceFile(control number: Int) -> String {
    controlLogs + (number == 1 ? "/traces.json" : "/traces-\(number).json")
  }

  /// The private key of the first server's keypair.
  public var firstServerKey: String { below("first-server.key") }

  /// `number` counts the control processes of the cloud on this machine, from 1.
  public func lock(_ role: ProcessRole, _ number: Int = 1) -> String { below("run/\(role.name(number)).lock") }
  public func log(_ role: ProcessRole, _ number: Int = 1) -> String { below("log/\(role.name(number)).log") }

  /// Makes the folders, each with its owner and mode. Idempotent. Throws where the file system does.
  public func prepare(controlUser: SystemUser) throws {
    try Self.folder(path, 0o755)
    try Self.folder(run, 0o755)
    // Control must be able to enter it for its own; what the others write in it is readable by root's group at most.
    try Self.folder(logs, 0o751)
    try Self.folder(controlLogs, 0o750, owner: controlUser)
    try Self.folder(control, 0o700, owner: controlUser)
    try Self.folder(link, 0o700, owner: controlUser)
    try Self.folder(node, 0o711)
  }

  /// Bytes that must go onto the disk before a process is started on it.
  private static let probeBytes = 1 << 20

  /// Throws `CloudProblem` where nothing can be written here now, with what to do about it.
  func checkWritable() throws {
    let probe = path + "/.probe"
    do {
      try Self.replace(probe, with: Data(count: Self.probeBytes), mode: 0o600)
      unlink(probe)
    } catch {
      unlink(probe + ".new")
      throw error
    }
  }

  /// What stands in the way of writing, in words.
  static func problem(_ what: String, _ code: Int32) -> CloudProblem {
    switch code {
    case ENOSPC, EDQUOT:
      CloudProblem("Cannot write \(what): the disk is full. Make room on it (df \(what)), then run the command again.")
    case EROFS:
      CloudProblem(
        "Cannot write \(what): its file system is read-only. Look why (dmesg, findmnt -T \(what)), remount it, then "
          + "run the command again.")
    default: CloudProblem("Cannot write \(what): \(String(cString: strerror(code))).")
    }
  }

  private static func folder(_ path: String, _ mode: mode_t, owner: SystemUser? = nil) throws {
    try makeFolder(path)
    guard chmod(path, mode) == 0, chown(path, owner?.uid ?? getuid(), owner?.gid ?? getgid()) == 0 else {
      throw problem(path, errno)
    }
  }

  /// With its parents. By hand, for Foundation hides why it could not.
  private static func makeFolder(_ path: String) throws {
    if mkdir(path, 0o755) == 0 || errno == EEXIST { return }
    guard errno == ENOENT, path != "/" else { throw problem(path, errno) }
    try makeFolder((path as NSString).deletingLastPathComponent)
    guard mkdir(path, 0o755) == 0 || errno == EEXIST else { throw problem(path, errno) }
  }

  /// The cloud's settings; nil where this directory holds none yet.
  public func readSettings() throws -> CloudSettings? {
    guard let data = FileManager.default.contents(atPath: settings) else {
      // A disk that does not let it be read must not be taken for a place where a cloud can be made.
      if access(settings, F_OK) != 0, errno == ENOENT || errno == ENOTDIR { return nil }
      throw CloudProblem("\(settings) cannot be read: \(String(cString: strerror(errno))).")
    }
    do { return try JSONDecoder().decode(CloudSettings.self, from: data) } catch {
      throw CloudProblem("\(settings) is damaged: restore it from a backup, or move the directory away.")
    }
  }

  public func writeSettings(_ value: CloudSettings) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try Self.replace(settings, with: try encoder.encode(value), mode: 0o644)
  }

  /// Writes a file under another name, makes it durable, and moves it into place.
  static func replace(_ path: String, with data: Data, mode: mode_t, owner: SystemUser? = nil) throws {
    let draft = path + ".new"
    unlink(draft)
    let file = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
    guard file >= 0 else { throw problem(path, errno) }
    defer { close(file) }
    var rest = data[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Foundation.write(file, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw giveUp(draft, path, errno) }
      rest = rest.dropFirst(count)
    }
    if let owner { fchown(file, owner.uid, owner.gid) }
    guard fsync(file) == 0, rename(draft, path) == 0 else { throw giveUp(draft, path, errno) }
  }

  /// Half a draft would take the room that is missing.
  private static func giveUp(_ draft: String, _ path: String, _ code: Int32) -> CloudProblem {
    unlink(draft)
    return problem(path, code)
  }
}

/// The two kinds of processes of a cloud.
public enum ProcessRole: String, Sendable, CaseIterable {
  case control, node

  /// `control`, `control-2`, `node`.
  func name(_ number: Int) -> String { number == 1 ? rawValue : "\(rawValue)-\(number)" }
}

/// A user of the operating system.
public struct SystemUser: Sendable, Hashable {
  /// The user that runs control.
  public static let control = "haneul"
  /// The user that libvirt's packages make for QEMU.
  public static let qemu = "libvirt-qemu"
  public static let nobody = "nobody"

  public var uid: UInt32
  public var gid: UInt32

  public init(uid: UInt32, gid: UInt32) {
    self.uid = uid
    self.gid = gid
  }

  /// Looks a user up by name. Throws `CloudProblem` that says how to make it.
  public init(named name: String) throws {
    guard let entry = getpwnam(name) else {
      throw CloudProblem(
        "There is no user \(name). `make install` makes it, or: useradd --system --no-create-home \(name)")
    }
    self.init(uid: entry.pointee.pw_uid, gid: entry.pointee.pw_gid)
  }
}
