import CLibvirt

/// Why the hypervisor did not do as asked.
public enum HypervisorError: Error, Sendable, Equatable, CustomStringConvertible {
  /// libvirt refused; `code` is one of its `virErrorNumber`, `connectionLost` says that the call's outcome is unknown.
  case libvirt(code: Int32, message: String, connectionLost: Bool)
  /// libvirtd does not answer and could not be started.
  case daemonUnavailable(reason: String)
  /// The domain's spec cannot be put into practice.
  case badSpec(reason: String)
  /// A domain with this id or name is there and is not of this cloud.
  case foreignDomain(name: String)
  /// There is no such domain in this cloud.
  case noDomain(serverID: String)
  /// The guest did not let go of a card in time.
  case guestDidNotObey(reason: String)
  /// libvirt did not come back in time; what became of the call is unknown.
  case noAnswer(seconds: Int)
  /// More calls wait than `BlockingCalls.waitingMax`.
  case overloaded

  public var description: String {
    switch self {
    case .libvirt(let code, let message, _): "libvirt \(code): \(message)"
    case .daemonUnavailable(let reason): "libvirtd is not available: \(reason)"
    case .badSpec(let reason): "the domain cannot be defined: \(reason)"
    case .foreignDomain(let name): "the domain \(name) is not of this cloud"
    case .noDomain(let serverID): "there is no domain of server \(serverID)"
    case .guestDidNotObey(let reason): "the guest did not obey: \(reason)"
    case .noAnswer(let seconds): "libvirt did not answer within \(seconds) s"
    case .overloaded: "too many calls of libvirt wait"
    }
  }

  /// The error of the libvirt call that just failed. Must be read on the thread of the call.
  static func last(connectionLost: Bool = false) -> HypervisorError {
    guard let error = virGetLastError() else {
      return .libvirt(code: -1, message: "unknown error", connectionLost: connectionLost)
    }
    let message = error.pointee.message.map { String(cString: $0) } ?? "unknown error"
    return .libvirt(code: error.pointee.code, message: message, connectionLost: connectionLost)
  }

  /// Whether libvirt said `number`.
  func isLibvirt(_ number: virErrorNumber) -> Bool {
    guard case .libvirt(let code, _, _) = self else { return false }
    return code == Int32(bitPattern: number.rawValue)
  }

  var isConnectionLost: Bool {
    guard case .libvirt(_, _, let lost) = self else { return false }
    return lost
  }
}
