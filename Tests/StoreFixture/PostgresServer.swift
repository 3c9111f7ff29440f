import Foundation
import Store
import Synchronization

/// A PostgreSQL server of the test's own under /var/tmp, on a Unix socket alone, which goes with the process.
package final class PostgresServer: Sendable {
  /// The one that all stores of this process share. It does not sync, for speed: nothing is proven of its disk.
  package static let shared = Result { try PostgresServer(syncs: false) }

  package struct Failed: Error {
    var words: [String]
    var output: String
  }

  package let folder: String
  private let programs = "/usr/lib/postgresql/15/bin"
  private let made = Mutex(0)

  /// Makes and starts one; `syncs` tells whether what it commits reaches the disk. Throws `Failed`.
  package init(syncs: Bool) throws {
    Self.clearLeftovers()
    folder = "/var/tmp/haneul-pg-\(getpid())-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try "\(getpid())".write(toFile: folder + "/owner", atomically: true, encoding: .utf8)
    if geteuid() == 0 { try Self.run(["chown", "-R", "postgres:postgres", folder]) }
    try Self.run(asServer: [
      "\(programs)/initdb", "-N", "-A", "trust", "-U", "haneul", "-E", "UTF8", "--locale=C",
      "-D", "\(folder)/data",
    ])
    let settings = [
      "listen_addresses = ''", "unix_socket_directories = '\(folder)'", "max_connections = 1000",
      "shared_buffers = 64MB", "max_wal_size = 4GB", "fsync = \(syncs ? "on" : "off")",
      "full_page_writes = \(syncs ? "on" : "off")", "logging_collector = off",
    ]
    let file = FileHandle(forWritingAtPath: folder + "/data/postgresql.conf")
    try file?.seekToEnd()
    try file?.write(contentsOf: Data((settings.joined(separator: "\n") + "\n").utf8))
    try file?.close()
    try start()
    Self.stopAtExit(folder)
  }

  /// Starts it where it is down, and waits until it answers. Throws `Failed`.
  package func start() throws {
    try Self.run(asServer: [
      "\(programs)/pg_ctl", "-D", "\(folder)/data", "-l", "\(folder)/log", "-w", "-t", "60",
      "start",
    ])
  }

  /// Stops it: `fast` ends its sessions in order, `immediate` is like a crash. Throws `Failed`.
  package func stop(_ mode: String = "fast") throws {
    try Self.run(asServer: ["\(programs)/pg_ctl", "-D", "\(folder)/data", "-m", mode, "-w", "-t", "60", "stop"])
  }

  /// Kills all of it at once with SIGKILL, as a host does that loses power.
  package func crash() {
    let pids = Self.processes(of: folder)
    for pid in pids { kill(pid, SIGKILL) }
    while pids.contains(where: { kill($0, 0) == 0 }) { usleep(10_000) }
  }

  /// The address of a new, empty schema, as good as a database of its own. Throws `Failed`.
  package func address() throws -> String {
    let schema = nextName("store")
    try psql("CREATE SCHEMA \(schema)")
    return "host=\(folder) user=haneul dbname=postgres options='-c search_path=\(schema)'"
  }

  package func address(database: String) -> String { "host=\(folder) user=haneul dbname=\(database)" }

  /// Makes a database, empty or with the content of another, whose sessions are ended, and returns its name.
  package func makeDatabase(copyOf original: String = "template0") throws -> String {
    let name = nextName("cloud")
    try psql(
      "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '\(original)'",
      "CREATE DATABASE \(name) TEMPLATE \(original)")
    return name
  }

  /// Runs statements one by one, as the server's own user. Throws `Failed`.
  package func psql(_ statements: String...) throws {
    let words = ["\(programs)/psql", "-q", "-v", "ON_ERROR_STOP=1", "-h", folder, "-U", "haneul", "-d", "postgres"]
    try Self.run(words + statements.flatMap { ["-c", $0] })
  }

  private func nextName(_ kind: String) -> String {
    made.withLock { made in
      made += 1
      return "\(kind)_\(made)"
    }
  }

  /// Runs a file of SQL at an address. Throws `Failed`.
  package func load(_ file: String, into address: String) throws {
    try Self.run(["\(programs)/psql", "-q", "-v", "ON_ERROR_STOP=1", "-d", address, "-f", file])
  }

  // MARK: Processes

  /// The server's processes: those whose command line or parent names its folder.
  private static func processes(of folder: String) -> [pid_t] {
    guard let first = postmaster(folder) else { return [] }
    let children = (try? FileManager.default.contentsOfDirectory(atPath: "/proc"))?.compactMap { pid_t($0) } ?? []
    return [first]
      + children.filter { pid in
        let stat = (try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)) ?? ""
        let words = stat.split(separator: ")").last?.split(separator: " ") ?? []
        return words.count > 1 && words[1] == "\(first)"
      }
  }

  private static func postmaster(_ folder: String) -> pid_t? {
    let file = try? String(contentsOfFile: folder + "/data/postmaster.pid", encoding: .utf8)
    guard let pid = file?.split(separator: "\n").first.flatMap({ pid_t($0) }) else { return nil }
    // The pid may be another's by now.
    let line = (try? String(contentsOfFile: "/proc/\(pid)/cmdline", encoding: .utf8)) ?? ""
    return line.contains(folder) ? pid : nil
  }

  private static func stopAtExit(_ folder: String) {
    folders.withLock { $0.append(folder) }
    guard folders.withLock({ $0.count == 1 }) else { return }
    atexit { PostgresServer.removeAll() }
  }

  private static let folders = Mutex<[String]>([])

  private static func removeAll() { for folder in folders.withLock({ $0 }) { remove(folder) } }

  private static func remove(_ folder: String) {
    for pid in processes(of: folder) { kill(pid, SIGKILL) }
    try? FileManager.default.removeItem(atPath: folder)
  }

  /// Ends servers whose process is gone.
  private static func clearLeftovers() {
    for name in (try? FileManager.default.contentsOfDirectory(atPath: "/var/tmp")) ?? []
    where name.hasPrefix("haneul-pg-") {
      let folder = "/var/tmp/" + name
      guard let owner = try? String(contentsOfFile: folder + "/owner", encoding: .utf8), let pid = pid_t(owner),
        kill(pid, 0) != 0
      else { continue }
      remove(folder)
    }
  }

  /// Root may not run a server.
  private static func run(asServer words: [String]) throws {
    let user = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups"]
    try run((geteuid() == 0 ? user : []) + words)
  }

  /// Not with Foundation's `Process`: that waits for everybody who holds a socket it lets its child inherit, and so for
  /// the server itself.
  private static func run(_ words: [String]) throws {
    let log = "/tmp/haneul-pg-\(getpid())-\(UUID().uuidString.prefix(8)).log"
    defer { unlink(log) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
    let arguments = words.map { strdup($0) }
    defer { for argument in arguments { free(argument) } }
    var (pid, status): (pid_t, Int32) = (0, 0)
    let failure = posix_spawnp(&pid, words[0], &actions, nil, arguments + [nil], environ)
    while failure == 0, waitpid(pid, &status, 0) < 0, errno == EINTR {}
    guard failure == 0, status == 0 else {
      throw Failed(words: words, output: (try? String(contentsOfFile: log, encoding: .utf8)) ?? "")
    }
  }
}
