/// Looks at a host and the cloud on it, changes nothing, and says what to do.
public struct Doctor: Sendable {
  let state: StateDirectory

  public init(state: StateDirectory) { self.state = state }

  /// Looks at everything; takes a few seconds, more where libvirt hangs.
  public func examine() async -> DoctorReport { DoctorReport(await DoctorHost(state: state).look()) }
}
