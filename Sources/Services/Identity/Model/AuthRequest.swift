import API
import Kit

/// A domain as a request names it.
enum DomainReference: Sendable {
  case id(String)
  case name(String)

  init(_ fields: JSONFields) throws {
    if let id = try fields.optionalString("id", 1...64) {
      self = .id(id)
    } else {
      self = .name(try fields.string("name", 1...255))
    }
  }
}

/// A user or a project as a request names it: by id, or by name within a domain.
enum Reference: Sendable {
  case id(String)
  case name(String, DomainReference)

  init(_ fields: JSONFields) throws {
    if let id = try fields.optionalString("id", 1...64) {
      self = .id(id)
    } else {
      self = .name(try fields.string("name", 1...255), try DomainReference(try fields.object("domain")))
    }
  }
}

/// The body of `POST /auth/tokens`.
struct AuthRequest: Sendable {
  struct Password: Sendable {
    var user: Reference
    var password: Secret<String>
  }

  struct ApplicationCredential: Sendable {
    enum Name: Sendable {
      case id(String)
      case name(String)
    }
    var name: Name
    /// Needed with a name. With an id it must be the credential's own user.
    var user: Reference?
    var secret: Secret<String>
  }

  enum Scope: Sendable {
    /// The request says nothing: the user's default project, or unscoped.
    case standard
    case unscoped
    case project(Reference)
    case domain(DomainReference)
    case system
  }

  var password: Password?
  var token: Secret<String>?
  var applicationCredential: ApplicationCredential?
  var scope: Scope

  /// Reads a body. Throws `Fault` 400 where it is no request for a token, 401 for a method that is not known.
  init(_ body: JSONFields) throws {
    let auth = try body.object("auth")
    let identity = try auth.object("identity")
    guard let methods = try identity.optionalStrings("methods", countMax: 10), !methods.isEmpty else {
      throw identity.invalid("methods", "it must name at least one method")
    }
    for method in Set(methods) {
      switch method {
      case "password": password = try Self.password(try identity.object(method))
      case "token": token = Secret(try identity.object(method).string("id", 1...4096))
      case "application_credential":
        applicationCredential = try Self.applicationCredential(try identity.object(method))
      default: throw Fault.unauthorized("The authentication method \(method.quoted) is not supported.")
      }
    }
    scope = try Self.scope(auth)
    if applicationCredential != nil, methods.count > 1 || auth.has("scope") {
      throw Fault.unauthorized("An application credential stands alone and brings its own scope.")
    }
  }

  private static func password(_ fields: JSONFields) throws -> Password {
    let user = try fields.object("user")
    return Password(user: try Reference(user), password: Secret(try user.string("password", 0...Self.secretMax)))
  }

  /// Longest secret read, in characters; what is longer than a password may be is wrong by itself.
  private static let secretMax = 65536

  private static func applicationCredential(_ fields: JSONFields) throws -> ApplicationCredential {
    let secret = Secret(try fields.string("secret", 0...Self.secretMax))
    let user = try fields.optionalObject("user").map(Reference.init)
    if let id = try fields.optionalString("id", 1...64) {
      return ApplicationCredential(name: .id(id), user: user, secret: secret)
    }
    guard let user else { throw fields.invalid("user", "it is required with a name") }
    return ApplicationCredential(name: .name(try fields.string("name", 1...255)), user: user, secret: secret)
  }

  private static func scope(_ auth: JSONFields) throws -> Scope {
    guard let value = auth.value("scope"), !value.isNull else { return .standard }
    if value.string == "unscoped" { return .unscoped }
    guard let members = value.object, members.count == 1, let kind = members.keys.first else {
      throw auth.invalid("scope", "it must name one of project, domain, system and unscoped")
    }
    let fields = JSONFields(members, path: "auth.scope")
    switch kind {
    case "unscoped": return .unscoped
    case "project": return .project(try Reference(try fields.object(kind)))
    case "domain": return .domain(try DomainReference(try fields.object(kind)))
    case "system":
      guard try fields.object(kind).bool("all") else { throw fields.invalid("system.all", "it must be true") }
      return .system
    default: throw auth.invalid("scope", "\(kind.quoted) is not known")
    }
  }
}
