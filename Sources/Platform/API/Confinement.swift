import Auth

/// What bounds a delegated token whatever its roles are: looked at before any route is asked.
enum Confinement {
  /// The service that issues tokens.
  private static let identity = "identity"

  /// Throws `Fault` 403 where the token may not be used for this request. `segments` is the path as it is routed: a
  /// service's prefix, which is its type in the catalogue, and what is below.
  static func check(_ caller: Principal, method: String, _ segments: [String]) throws {
    let service = segments.first ?? ""
    // A key of EC2's signs requests to services: it gets nobody into the service that hands out access.
    if service == identity, caller.methods.contains("ec2credential") {
      throw Fault.forbidden("A token from an EC2 credential is not good for this service.")
    }
    guard let rules = caller.applicationCredential?.accessRules else { return }
    let below = Array(segments.dropFirst())
    // Everybody may ask what its own token is worth.
    if service == identity, method == "GET" || method == "HEAD", below == ["v3", "auth", "tokens"] { return }
    guard rules.contains(where: { $0.allows(service: service, method: method, segments: below) }) else {
      throw Fault.forbidden("No access rule of the application credential allows this request.")
    }
  }
}
