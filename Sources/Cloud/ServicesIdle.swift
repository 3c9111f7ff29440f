import Foundation
import Kit

extension Services {
  /// Every service over an empty store that goes with them: for what can be asked of services without a cloud. Throws
  /// where no temporary folder can be made.
  static func idle() async throws -> Services {
    let folder = FileManager.default.temporaryDirectory.path() + "/haneul-idle-" + Identifier.uuid()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let state = StateDirectory(folder)
    try state.prepare(controlUser: SystemUser(uid: getuid(), gid: getgid()))
    let settings = try CloudOptions(host: nil, port: nil, externalCIDR: nil, externalMasquerade: nil)
      .settings(existing: nil)
    return try await Services(state: state, settings: settings, logger: ProcessLog.ofCommand("idle"))
  }
}
