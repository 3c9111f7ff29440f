import Foundation
import Glibc
import Kit
import Subprocess
import SystemPackage
import Testing

/// A real LDAP server on this host: OpenLDAP's slapd with a directory of its own.
final class TestDirectory: Sendable {
  static let suffix = "dc=example,dc=org"
  static let reader = "cn=reader,dc=example,dc=org"
  static let readerPassword = "may only read"
  private static let root = "cn=root,dc=example,dc=org"
  private static let rootPassword = "may do all"

  private let folder: URL
  private let port: UInt16
  private let process: pid_t
  var url: String { "ldap://127.0.0.1:\(port)" }

  /// Alice and Bob; Alice is in `ops`. `more` is LDIF of further entries.
  init(_ more: String = "") async throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "haneul-slapd-\(Identifier.hex())")
    try FileManager.default.createDirectory(at: folder.appending(path: "data"), withIntermediateDirectories: true)
    let conf = folder.appending(path: "slapd.conf")
    try Self.conf(folder).write(to: conf, atomically: true, encoding: .utf8)
    let ldif = folder.appending(path: "data.ldif")
    try (Self.entries + more).write(to: ldif, atomically: true, encoding: .utf8)
    try #require(try await Self.run("/usr/sbin/slapadd", "-f", conf.path, "-l", ldif.path))
    // It goes to the background once it listens, and says no where the port is taken.
    var taken: UInt16?
    for _ in 0..<20 where taken == nil {
      let port = UInt16.random(in: 20_000...29_999)
      if try await Self.run("/usr/sbin/slapd", "-f", conf.path, "-h", "ldap://127.0.0.1:\(port)") { taken = port }
    }
    port = try #require(taken)
    let pidFile = folder.appending(path: "pid")
    try await Self.until { FileManager.default.fileExists(atPath: pidFile.path) }
    let text = try String(contentsOf: pidFile, encoding: .utf8)
    process = try #require(pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)))
  }

  deinit {
    kill(process, SIGTERM)
    try? FileManager.default.removeItem(at: folder)
  }

  /// Nobody answers there any more when this returns.
  func stop() async throws {
    kill(process, SIGTERM)
    // It takes the file away as its last act.
    let pidFile = folder.appending(path: "pid").path
    try await Self.until { !FileManager.default.fileExists(atPath: pidFile) }
  }

  /// Waits for what slapd does after it has gone to the background: it says nothing of it, and is no child of ours.
  private static func until(_ isDone: () -> Bool) async throws {
    for _ in 0..<3000 where !isDone() { try await Task.sleep(for: .milliseconds(10)) }
    try #require(isDone(), "slapd does not do as told")
  }

  /// Changes the directory as its administrator.
  func modify(_ ldif: String) async throws {
    let file = folder.appending(path: Identifier.hex())
    try ldif.write(to: file, atomically: true, encoding: .utf8)
    try #require(
      try await Self.run(
        "/usr/bin/ldapmodify", "-x", "-H", url, "-D", Self.root, "-w", Self.rootPassword, "-f", file.path))
  }

  /// Whether the tool says that all went well.
  private static func run(_ tool: String, _ arguments: String...) async throws -> Bool {
    let result = try await Subprocess.run(
      .path(FilePath(tool)), arguments: .init(arguments), output: .discarded, error: .discarded)
    return result.terminationStatus.isSuccess
  }

  private static func conf(_ folder: URL) -> String {
    """
    include /etc/ldap/schema/core.schema
    include /etc/ldap/schema/cosine.schema
    include /etc/ldap/schema/inetorgperson.schema
    pidfile \(folder.path)/pid
    modulepath /usr/lib/ldap
    moduleload back_mdb
    database mdb
    suffix "\(suffix)"
    rootdn "\(root)"
    rootpw "\(rootPassword)"
    directory \(folder.path)/data
    maxsize 10485760
    access to attrs=userPassword by anonymous auth by * none
    access to * by dn.exact="\(reader)" read by users read by anonymous auth

    """
  }

  static func person(_ id: String, _ name: String, _ password: String, state: String? = nil) -> String {
    """

    dn: uid=\(id),ou=People,\(suffix)
    objectClass: inetOrgPerson
    uid: \(id)
    cn: \(name)
    sn: \(name)
    mail: \(id)@example.org
    userPassword: \(password)
    \(state.map { "employeeType: \($0)\n" } ?? "")
    """
  }

  static func group(_ name: String, _ members: [String]) -> String {
    """

    dn: cn=\(name),ou=Groups,\(suffix)
    objectClass: groupOfNames
    cn: \(name)
    description: The \(name)
    \(members.map { "member: uid=\($0),ou=People,\(suffix)\n" }.joined())
    """
  }

  private static var entries: String {
    """
    dn: \(suffix)
    objectClass: dcObject
    objectClass: organization
    o: Example
    dc: example

    dn: \(reader)
    objectClass: organizationalRole
    objectClass: simpleSecurityObject
    cn: reader
    userPassword: \(readerPassword)

    dn: ou=People,\(suffix)
    objectClass: organizationalUnit
    ou: People

    dn: ou=Groups,\(suffix)
    objectClass: organizationalUnit
    ou: Groups

    """ + person("u1", "alice", "alice secret", state: "true") + person("u2", "bob", "bob secret", state: "TRUE")
      + group("ops", ["u1"])
  }
}
