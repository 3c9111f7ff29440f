import Foundation
import Kit
import Logging
import NodeLink
import Store

/// What `haneul up`, `down` and `status` do with a cloud's processes.
public struct Launch: Sendable {
  /// Called with each step once it is done, and how long it took in seconds.
  public typealias Progress = @Sendable (_ step: String, _ seconds: Double) -> Void

  /// What `status` found.
  public struct Report: Sendable {
    public var healthy: Bool
    public var text: String
  }

  /// How long control may take until its API answers, and the node until control has heard of it, in seconds.
  static let startSeconds = 60.0

  let state: StateDirectory
  let progress: Progress

  public init(state: StateDirectory, progress: @escaping Progress = { _, _ in }) {
    self.state = state
    self.progress = progress
  }

  /// Starts what is missing and returns when the API answers and the node is connected. Throws `CloudProblem`.
  public func up(_ options: CloudOptions) async throws -> CloudSettings {
    guard geteuid() == 0 else { throw CloudProblem("`haneul up` needs root: it makes bridges and starts guests.") }
    let user = try SystemUser(named: SystemUser.control)
    let existing = try state.readSettings()
    if existing == nil { try CloudStore.refuseOrphan(state) }
    let settings = try options.settings(existing: existing)
    let control = Daemon(state, .control)
    let node = Daemon(state, .node)
    let changed = existing != settings
    if let existing, changed, control.processID != nil, existing.baseURL != settings.baseURL {
      throw CloudProblem("The cloud runs at \(existing.baseURL). Stop it before it listens elsewhere: haneul down")
    }
    if control.processID == nil {
      try await Overlap(settings: settings).refuse(newCloud: existing == nil)
    }
    try state.prepare(controlUser: user)
    if changed || control.processID == nil || node.processID == nil { try state.checkWritable() }
    if changed { try state.writeSettings(settings) }
    try prepareLogins(settings, user, rewrite: changed, starts: control.processID == nil)
    try await start(control, "control", user) { await APIClient.answers(settings.baseURL) }
    try await start(node, "node", user) {
      FileManager.default.fileExists(atPath: self.state.nodeReady) && node.processID != nil
    }
    return settings
  }

  /// clouds.yaml for people, and its passwords for a control that is about to start: it needs them where its store is
  /// new, or where clouds.yaml was lost and is made anew.
  private func prepareLogins(_ settings: CloudSettings, _ user: SystemUser, rewrite: Bool, starts: Bool) throws {
    let present = CloudsYAML(reading: state.cloudsYAML)
    let logins = present ?? CloudsYAML()
    if present == nil || starts {
      // What was not used yet still holds: control may have been stopped before it came to it.
      let waiting = FileManager.default.contents(atPath: state.bootstrap).flatMap {
        try? JSONDecoder().decode(BootstrapPasswords.self, from: $0)
      }
      let passwords = BootstrapPasswords(logins, reset: present == nil || waiting?.reset == true)
      try StateDirectory.replace(state.bootstrap, with: try JSONEncoder().encode(passwords), mode: 0o600, owner: user)
    }
    if present == nil || rewrite { try logins.write(state.cloudsYAML, settings: settings) }
  }

  private func start(
    _ daemon: Daemon, _ name: String, _ user: SystemUser, ready: @Sendable () async -> Bool
  ) async throws {
    let began = SuspendingClock.now
    if daemon.processID != nil, await ready() {
      progress("\(name) runs already", Self.seconds(since: began))
      return
    }
    if daemon.processID == nil {
      if daemon.role == .node { try? FileManager.default.removeItem(atPath: state.nodeReady) }
      try await daemon.start(executable: try Self.executable(), controlUser: user)
    }
    while Self.seconds(since: began) < Self.startSeconds {
      if await ready() {
        progress("\(name) started", Self.seconds(since: began))
        return
      }
      try await Task.sleep(for: .milliseconds(20))
      if Self.seconds(since: began) > 3, daemon.processID == nil { break }
    }
    throw CloudProblem("haneul \(name) did not come up. Its log: \(state.log(daemon.role))")
  }

  /// By a clock that nobody steps.
  private static func seconds(since began: SuspendingClock.Instant) -> Double {
    began.duration(to: .now) / .seconds(1)
  }

  /// This program's own file.
  static func executable() throws -> String {
    try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
  }

  /// Stops both processes; with `stopServers` every server first, with `clearHost` everything of the cloud on the host.
  public func down(stopServers: Bool, clearHost: Bool) async throws {
    if stopServers, Daemon(state, .control).processID != nil {
      let began = SuspendingClock.now
      let count = try await stopAllServers()
      progress("\(count) servers stopped", Self.seconds(since: began))
    }
    for role in [ProcessRole.node, .control] {
      let began = SuspendingClock.now
      let stopped = try await Daemon(state, role).stop()
      progress(
        stopped ? "\(role.rawValue) stopped" : "\(role.rawValue) was down", Self.seconds(since: began))
    }
    if clearHost, let settings = try state.readSettings() {
      let began = SuspendingClock.now
      try await NodeProcess(state: state).clearHost(settings)
      progress("host cleared", Self.seconds(since: began))
    }
  }

  /// Asks every running server to stop and waits until they have.
  private func stopAllServers() async throws -> Int {
    let admin = try await APIClient(state: state, cloud: CloudsYAML.adminCloud)
    let running = try await admin.get("/compute/v2.1/servers?all_tenants=1&status=ACTIVE")["servers"]?.array ?? []
    let ids = running.compactMap { $0["id"]?.string }
    for id in ids {
      try await admin.send("POST", "/compute/v2.1/servers/\(id)/action", .object(["os-stop": .null]))
    }
    let began = SuspendingClock.now
    while Self.seconds(since: began) < 120 {
      let left = try await admin.get("/compute/v2.1/servers?all_tenants=1&status=ACTIVE")["servers"]?.array ?? []
      if !left.contains(where: { $0["id"]?.string.map(ids.contains) ?? false }) { return ids.count }
      try await Task.sleep(for: .milliseconds(200))
    }
    throw CloudProblem("Some servers did not stop within two minutes; the cloud was left up.")
  }

  /// Looks at both processes and the API.
  public func status() async throws -> Report {
    guard let settings = try state.readSettings() else {
      return Report(healthy: false, text: "There is no cloud in \(state.path). `haneul up` makes one.")
    }
    var lines = ["cloud    \(settings.cloudID) (tag \(settings.tag)), external network \(settings.externalCIDR)"]
    var healthy = true
    for role in ProcessRole.allCases {
      let process = Daemon(state, role).processID
      healthy = healthy && process != nil
      lines.append(
        "\(role.rawValue.padding(toLength: 8, withPad: " ", startingAt: 0)) "
          + (process.map { "runs as process \($0)" } ?? "is down; log: \(state.log(role))"))
    }
    lines += storeLines()
    let answers = await APIClient.answers(settings.baseURL)
    healthy = healthy && answers
    lines.append("API      \(settings.baseURL) \(answers ? "answers" : "does not answer")")
    lines.append("clients  export OS_CLIENT_CONFIG_FILE=\(state.cloudsYAML) OS_CLOUD=haneul")
    return Report(healthy: healthy, text: lines.joined(separator: "\n"))
  }
  /// The store's epoch, and how many differences are open, from its file: it is said with control down, too.
  private func storeLines() -> [String] {
    guard FileManager.default.fileExists(atPath: state.store) else { return ["epoch    there is no store yet"] }
    do {
      let (epoch, counts) = try SQLitePeek.read(path: state.store) { tx in
        (try StoreIdentity.read(tx)?.epoch, try DriftTable.counts(tx))
      }
      let open = counts.map(\.open).reduce(0, +)
      let quarantined = counts.first { $0.field == .unknownObject }?.open ?? 0
      return [
        "epoch    \(epoch.map(String.init) ?? "unknown")",
        "drift    \(open) open\(open > 0 ? "; haneul drift" : "")",
        "unknown  \(quarantined) in quarantine\(quarantined > 0 ? "; haneul quarantine" : "")",
      ]
    } catch {
      return ["store    cannot be read: \(error)"]
    }
  }
}
