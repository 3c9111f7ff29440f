public import Auth
public import Kit

/// One request as a route's handler sees it: matched, its token verified, its permission granted, its body read.
/// A class, for it is handed on and captured many times in a request.
public final class Call: Sendable {
  public let method: String
  /// The path below the listener's root, without query: `/compute/v2.1/servers`.
  public let path: String
  /// Values of the path's `{names}`, percent-decoded.
  public let parameters: [String: String]
  public let query: Query
  /// `req-<uuid>`, in the answer's headers and every step the request causes.
  public let requestID: String
  /// `http://host:port` as the client reached us.
  public let baseURL: String
  /// The address the request came from; nil in process.
  public let remoteAddress: String?
  /// The microversion in force; the service's minimum where it has none.
  public let version: Microversion
  /// The JSON body; nil where there was none, or the route streams it.
  public let json: JSONValue?
  /// The raw body of a route that streams.
  public let stream: BodyStream
  /// The caller's token's principal; nil only on routes that are open.
  public let caller: Principal?
  /// What the route asks for.
  public let permission: Permission
  /// Told of what the handler reads; nil in a release build.
  let reads: UndeclaredReads?
  private let headers: RequestHeaders

  init(
    _ request: RawRequest, path: String, parameters: [String: String], query: Query, requestID: String,
    version: Microversion, json: JSONValue?, caller: Principal?, permission: Permission, reads: UndeclaredReads?
  ) {
    method = request.method
    self.path = path
    self.parameters = parameters
    self.query = query
    self.requestID = requestID
    baseURL = request.baseURL
    remoteAddress = request.remoteAddress
    self.version = version
    self.json = json
    stream = request.body
    self.caller = caller
    self.permission = permission
    self.reads = reads
    headers = request.headers
  }

  /// The first value of a request header, by name in any case.
  public func header(_ name: String) -> String? { headers.first(name) }

  /// Who calls. Throws `Fault` 401 where nobody is known.
  public func principal() throws -> Principal {
    guard let caller else { throw Fault.unauthorized("The request you have made requires authentication.") }
    return caller
  }

  /// The id of the caller's project. Throws `Fault` 403 for a token without project.
  public func projectID() throws -> String {
    guard let id = try principal().projectID else {
      throw Fault.forbidden("This needs a token that is scoped to a project.")
    }
    return id
  }

  /// A value of the path. Throws `Fault` 404 where the route has none of that name.
  public func parameter(_ name: String) throws -> String {
    guard let value = parameters[name] else { throw Fault.notFound("The resource could not be found.") }
    return value
  }

  /// Asks for a further permission: the one that an attribute's presence adds. Throws `Fault` 403.
  public func require(_ permission: Permission) throws {
    guard permission.allows(caller) else {
      throw Fault.forbidden("Policy doesn't allow \(permission.name) to be performed.")
    }
  }

  /// Asks for the route's permission on the resource that was loaded, or on none where there is no such resource.
  /// Throws `Fault` 403.
  public func require(on target: PolicyTarget?) throws {
    guard permission.allows(caller, on: target ?? PolicyTarget()) else {
      throw Fault.forbidden("Policy doesn't allow \(permission.name) to be performed.")
    }
  }

  /// The domain that a list is confined to: a token scoped to a domain lists what is in that domain, an administrator's
  /// too, as in Keystone. nil for other tokens.
  public var confinedToDomain: String? { caller?.domainID }

  /// Whether the caller has a further permission.
  public func may(_ permission: Permission) -> Bool { permission.allows(caller) }

  /// The body's only member, an object: `{"server": {…}}`. Throws `Fault` 400 where it is not there or not alone.
  public func object(_ name: String) throws -> JSONFields {
    let fields = try body()
    let inner = try fields.object(name)
    try fields.finish()
    return inner
  }

  /// The whole body as an object. Throws `Fault` 400 where there is none.
  public func body() throws -> JSONFields {
    if let reads, !reads.route.body.isParsed { reads.noteMember("of a body") }
    guard let members = json?.object else { throw Fault.badRequest("A JSON object is needed as the request's body.") }
    guard let reads else { return JSONFields(members, path: "") }
    return JSONFields(members, path: "", reads.route.body.json, reads)
  }
}
