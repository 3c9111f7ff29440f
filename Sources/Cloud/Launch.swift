import Converge
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
    let controls = (1...settings.controlCount).map { Daemon(state, .control, $0) }
    let node = Daemon(state, .node)
    let changed = existing != settings
    if let existing, changed, controls[0].processID != nil,
      existing.baseURL != settings.baseURL || existing.edge != settings.edge || existing.identity != settings.identity
    {
      throw CloudProblem(
        "The cloud runs at \(existing.baseURL). Stop it before it listens elsewhere or logs in otherwise: haneul down")
    }
    let down = controls.filter { $0.processID == nil }
    if !down.isEmpty {
      let ports = down.map { settings.seen(byControl: $0.number).port }
      try await Overlap(settings: settings, ports: ports).refuse(newCloud: existing == nil)
    }
    try state.prepare(controlUser: user)
    if changed || !down.isEmpty || node.processID == nil { try state.checkWritable() }
    try await StorePlace(state: state).put(options.store, settings, isNew: existing == nil, owner: user)
    if !down.isEmpty { try await checkStore(settings) }
    try state.prepareTLS(settings, controlUser: user)
    if changed { try state.writeSettings(settings) }
    try prepareLogins(settings, user, rewrite: changed, starts: controls[0].processID == nil)
    if let existing { try await stopSurplus(existing, settings, node) }
    for control in controls {
      try await start(control, user) { await APIClient.answers(settings.seen(byControl: control.number).localURL) }
    }
    try await start(node, user) {
      FileManager.default.fileExists(atPath: self.state.nodeReady) && node.processID != nil
    }
    return settings
  }

  /// Says at once what would end control at its start, and stand in its log alone. Throws `ReleaseTooOld`,
  /// `CloudProblem`.
  func checkStore(_ settings: CloudSettings) async throws {
    let address = try StoreAddress(state: state, settings: settings)
    if let old = await ReleaseTooOld.found(address) { throw old }
    guard settings.usesPostgres else { return }
    do { _ = try await address.peek { try $0.count("SELECT 1") } } catch let error as StoreError {
      throw CloudStore.problem(address, error)
    }
  }

  /// Stops control processes that there shall be no more, and the node, which must learn whom it can speak to.
  private func stopSurplus(_ existing: CloudSettings, _ settings: CloudSettings, _ node: Daemon) async throws {
    guard existing.controlCount != settings.controlCount else { return }
    for number in settings.controlCount + 1..<CloudOptions.controlsMax + 1 {
      if try await Daemon(state, .control, number).stop() { progress("control-\(number) stopped", 0) }
    }
    _ = try await node.stop()
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
    if present == nil || rewrite {
      try logins.write(state.cloudsYAML, settings: settings, authority: state.caCertificate)
    }
  }

  private func start(
    _ daemon: Daemon, _ user: SystemUser, ready: @Sendable () async -> Bool
  ) async throws {
    let name = daemon.name
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
    throw CloudProblem("haneul \(name) did not come up. Its log: \(state.log(daemon.role, daemon.number))")
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
    if stopServers, Daemon.all(state).contains(where: { $0.role == .control && $0.processID != nil }) {
      let began = SuspendingClock.now
      let count = try await stopAllServers()
      progress("\(count) servers stopped", Self.seconds(since: began))
    }
    let count = (try? state.readSettings())?.controlCount ?? 1
    for daemon in Daemon.all(state) {
      let began = SuspendingClock.now
      let stopped = try await daemon.stop()
      if !stopped, daemon.number > count { continue }
      progress(stopped ? "\(daemon.name) stopped" : "\(daemon.name) was down", Self.seconds(since: began))
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
    let controls = (1...settings.controlCount).map { Daemon(state, .control, $0) }
    for daemon in controls + [Daemon(state, .node)] {
      let process = daemon.processID
      healthy = healthy && process != nil
      lines.append(
        "\(Self.column(daemon.name)) "
          + (process.map { "runs as process \($0)" } ?? "is down; log: \(state.log(daemon.role, daemon.number))"))
    }
    lines += await storeLines(settings)
    for control in controls {
      let url = settings.seen(byControl: control.number).localURL
      let answers = await APIClient.answers(url)
      healthy = healthy && answers
      lines.append("API      \(url) \(answers ? "answers" : "does not answer")")
    }
    lines.append("clients  export OS_CLIENT_CONFIG_FILE=\(state.cloudsYAML) OS_CLOUD=haneul")
    return Report(healthy: healthy, text: lines.joined(separator: "\n"))
  }

  /// The beginning of a line, as wide as the others.
  private static func column(_ word: String) -> String {
    word.padding(toLength: max(8, word.count), withPad: " ", startingAt: 0)
  }

  /// The store's epoch, and how many differences are open, from the store itself: it is said with control down, too.
  private func storeLines(_ settings: CloudSettings) async -> [String] {
    let address: StoreAddress
    do { address = try StoreAddress(state: state, settings: settings) } catch {
      return ["store    cannot be read: \(error)"]
    }
    do {
      if case .sqlite(let path) = address, !FileManager.default.fileExists(atPath: path) {
        return ["epoch    there is no store yet"]
      }
      let (epoch, counts, holders) = try await address.peek { tx in
        (try StoreIdentity.read(tx)?.epoch, try DriftTable.counts(tx), try LeaseTable.holders(tx))
      }
      let open = counts.map(\.open).reduce(0, +)
      let quarantined = counts.first { $0.field == .unknownObject }?.open ?? 0
      var lines = [
        "epoch    \(epoch.map(String.init) ?? "unknown")",
        "drift    \(open) open\(open > 0 ? "; haneul drift" : "")",
        "unknown  \(quarantined) in quarantine\(quarantined > 0 ? "; haneul quarantine" : "")",
      ]
      if settings.usesPostgres {
        lines.insert("store    \(address)", at: 0)
        let holder = holders.first { $0.name == LeaseKeeper.convergers }?.holder ?? ""
        lines.append("lease    \(holder.isEmpty ? "nobody has it" : "\(holder) runs the convergers")")
      }
      if let old = await ReleaseTooOld.found(address) { lines.append("release  \(old)") }
      return lines
    } catch let error as StoreError {
      return ["store    \(CloudStore.problem(address, error, "cannot be read"))"]
    } catch {
      return ["store    cannot be read: \(error)"]
    }
  }
}
