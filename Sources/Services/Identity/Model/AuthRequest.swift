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
  enum Scope: Sendable {
    /// The request says nothing: the user's default project, or unscoped.
    case standard
    case unscoped
    case project(Reference)
    case domain(DomainReference)
    case system
    /// The project of a trust, by the trust's id.
    case trust(String)
  }

  /// Each once, in the order in which the request names them.
  var methods: [any LoginMethod]
  var scope: Scope

  /// Longest secret read, in characters; what is longer than a password may be is wrong by itself.
  static let secretMax = 65536

  /// Reads a body. Throws `Fault` 400 where it is no request for a token, `UnsupportedMethod` for a method that is not
  /// offered.
  init(_ body: JSONFields) throws {
    let auth = try body.object("auth")
    let identity = try auth.object("identity")
    guard let names = try identity.optionalStrings("methods", countMax: 10), !names.isEmpty else {
      throw identity.invalid("methods", "it must name at least one method")
    }
    if let absent = names.first(where: { !identity.has($0) }) { throw identity.invalid(absent, "it is required") }
    var seen: Set<String> = []
    methods = try names.filter { seen.insert($0).inserted }.map { name in
      guard let method = LoginMethods.named(name) else { throw UnsupportedMethod(name: name) }
      return try method.init(try identity.object(name))
    }
    scope = try Self.scope(auth)
    if methods.contains(where: { $0 is ApplicationCredentialLogin }), methods.count > 1 || auth.has("scope") {
      throw Fault.unauthorized("An application credential stands alone and brings its own scope.")
    }
  }

  private static func scope(_ auth: JSONFields) throws -> Scope {
    guard let value = auth.value("scope"), !value.isNull else { return .standard }
    if value.string == "unscoped" { return .unscoped }
    guard let members = value.object, members.count == 1, let kind = members.keys.first else {
      throw auth.invalid("scope", "it must name one of project, domain, system, OS-TRUST:trust and unscoped")
    }
    let fields = JSONFields(members, path: "auth.scope")
    switch kind {
    case "unscoped": return .unscoped
    case "project": return .project(try Reference(try fields.object(kind)))
    case "domain": return .domain(try DomainReference(try fields.object(kind)))
    case "OS-TRUST:trust": return .trust(try fields.object(kind).string("id", 1...64))
    case "system":
      guard try fields.object(kind).bool("all") else { throw fields.invalid("system.all", "it must be true") }
      return .system
    default: throw auth.invalid("scope", "\(kind.quoted) is not known")
    }
  }
}
