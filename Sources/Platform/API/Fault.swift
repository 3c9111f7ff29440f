/// An answer that says no. Each service writes it in its own shape (`FaultStyle`); the words are ours and carry neither
/// secrets nor driver internals.
public struct Fault: Error, Sendable {
  public var status: Int
  public var message: String
  /// The service's own word for it: Neutron's type (`NetworkNotFound`), Placement's code, Nova's key. nil means the
  /// style chooses by status.
  public var type: String?
  public var headers: [(name: String, value: String)]
  /// Set on a 406: the range goes into the answer.
  public var versions: MicroversionRange?

  public init(
    _ status: Int, _ message: String, type: String? = nil, headers: [(name: String, value: String)] = [],
    versions: MicroversionRange? = nil
  ) {
    self.status = status
    self.message = message
    self.type = type
    self.headers = headers
    self.versions = versions
  }

  public static func badRequest(_ message: String, type: String? = nil) -> Fault { Fault(400, message, type: type) }
  public static func unauthorized(_ message: String) -> Fault { Fault(401, message) }
  public static func forbidden(_ message: String, type: String? = nil) -> Fault { Fault(403, message, type: type) }
  public static func notFound(_ message: String, type: String? = nil) -> Fault { Fault(404, message, type: type) }
  public static func conflict(_ message: String, type: String? = nil) -> Fault { Fault(409, message, type: type) }

  /// Overload: asks the client to come back in `seconds`.
  public static func overloaded(seconds: Int = 2) -> Fault {
    Fault(503, "The service is busy. Try again later.", headers: [("Retry-After", String(seconds))])
  }
}
