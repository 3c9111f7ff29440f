import Kit

/// How the users and groups of a domain are read from an LDAP directory: Keystone's options of the group `ldap`.
struct DirectoryConfig: Sendable {
  /// How deep a search goes, as libldap numbers it.
  enum Scope: Int32, Sendable {
    case one = 1
    case sub = 2
  }

  /// How a server's certificate is looked at.
  enum Certificates: Int32, Sendable {
    case never, allow, attempt, demand
  }

  /// What is wrong with the settings.
  struct Invalid: Error {
    var reason: String
  }

  /// How an account's state is written.
  struct Enabled: Sendable {
    var attribute: String
    /// Bits that all are set where the account is disabled; 0: the attribute is true or false.
    var mask: Int
    /// Whether true means disabled.
    var inverted: Bool
    /// The value where an account has none.
    var standard: String
    var ignored: Bool

    /// Whether an account can be used. A value that cannot be understood is one that cannot.
    func isEnabled(_ value: String?) -> Bool {
      if ignored { return true }
      let text = value ?? standard
      if mask != 0 {
        guard let bits = Int(text) else { return false }
        return bits & mask != mask
      }
      switch text.lowercased() {
      case "true": return !inverted
      case "false": return inverted
      default: return false
      }
    }
  }

  /// One kind of object: where it stands and what its attributes are called.
  struct Kind: Sendable {
    var base: String
    /// Objects of the kind, `(&(objectClass=inetOrgPerson)(…))` without what is asked in particular.
    var filters: [String]
    var idAttribute: String
    var nameAttribute: String
    var descriptionAttribute: String

    /// Objects of the kind that also fit these.
    func filter(_ more: String...) -> String { "(&" + (filters + more).joined() + ")" }
  }

  var url: String
  /// Who reads; nil is nobody in particular.
  var user: String?
  var password: Secret<String>?
  var scope: Scope
  var users: Kind
  var groups: Kind
  var mailAttribute: String
  var enabled: Enabled
  var memberAttribute: String
  /// Whether members are ids; else they are distinguished names.
  var membersAreIDs: Bool
  var usesTLS: Bool
  var certificates: Certificates
  var certificateFile: String?
  var certificateFolder: String?

  /// Throws `Invalid`.
  init(_ options: [String: JSONValue], password: Secret<String>?) throws {
    let read = Options(own: options)
    url = try read.text("url") ?? ""
    guard ["ldap://", "ldaps://"].contains(where: url.lowercased().hasPrefix) else {
      throw Invalid(reason: "url must begin with ldap:// or ldaps://")
    }
    user = try read.text("user")
    self.password = password
    scope = try read.text("query_scope") == "sub" ? .sub : .one
    let suffix = try read.text("suffix") ?? ""
    users = try Self.kind(read, "user", base: "ou=Users,\(suffix)", "description_attribute")
    groups = try Self.kind(read, "group", base: "ou=UserGroups,\(suffix)", "desc_attribute")
    mailAttribute = try read.name("user_mail_attribute")
    let ignored = try read.list("user_attribute_ignore").contains("enabled")
    enabled = Enabled(
      attribute: try read.name("user_enabled_attribute"), mask: try read.number("user_enabled_mask"),
      inverted: try read.flag("user_enabled_invert"), standard: try read.word("user_enabled_default"), ignored: ignored)
    guard try !read.flag("user_enabled_emulation") else {
      throw Invalid(reason: "user_enabled_emulation is not offered")
    }
    memberAttribute = try read.name("group_member_attribute")
    membersAreIDs = try read.flag("group_members_are_ids")
    usesTLS = try read.flag("use_tls") || url.lowercased().hasPrefix("ldaps://")
    switch try read.text("tls_req_cert") ?? "demand" {
    case "never": certificates = .never
    case "allow": certificates = .allow
    case "demand": certificates = .demand
    default: throw Invalid(reason: "tls_req_cert must be demand, allow or never")
    }
    certificateFile = try read.text("tls_cacertfile")
    certificateFolder = try read.text("tls_cacertdir")
  }

  private static func kind(_ read: Options, _ name: String, base: String, _ description: String) throws -> Kind {
    var filters = ["(objectClass=\(LDAPConnection.escaped(try read.text(name + "_objectclass") ?? "*")))"]
    if let own = try read.text(name + "_filter"), !own.isEmpty {
      filters.append(own.hasPrefix("(") ? own : "(\(own))")
    }
    return Kind(
      base: try read.text(name + "_tree_dn") ?? base, filters: filters,
      idAttribute: try read.name(name + "_id_attribute"),
      nameAttribute: try read.name(name + "_name_attribute"),
      descriptionAttribute: try read.name("\(name)_\(description)"))
  }

  /// Options as they were set, and Keystone's defaults where they were not.
  private struct Options {
    var own: [String: JSONValue]

    private func value(_ name: String) -> JSONValue? {
      let found = own[name] ?? DomainConfig.defaults["ldap"]?[name]
      return found?.isNull == true ? nil : found
    }

    func text(_ name: String) throws -> String? {
      guard let value = value(name) else { return nil }
      guard let text = value.string, !text.utf8.contains(0) else { throw Invalid(reason: "\(name) must be a string") }
      return text
    }

    /// The name of an attribute: it stands in filters as it is.
    func name(_ name: String) throws -> String {
      guard let text = try text(name), !text.isEmpty,
        text.utf8.allSatisfy({ $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") || Self.isAlphanumeric($0) })
      else { throw Invalid(reason: "\(name) must be an attribute's name") }
      return text
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
      let character = Character(Unicode.Scalar(byte))
      return character.isASCII && (character.isLetter || character.isNumber)
    }

    func number(_ name: String) throws -> Int {
      guard let value = value(name) else { return 0 }
      guard let number = value.int ?? value.string.flatMap({ Int($0) }) else {
        throw Invalid(reason: "\(name) must be a number")
      }
      return number
    }

    func flag(_ name: String) throws -> Bool {
      switch value(name) {
      case nil: return false
      case .bool(let flag)?: return flag
      case .string(let text)?:
        if ["true", "false"].contains(text.lowercased()) { return text.lowercased() == "true" }
      default: break
      }
      throw Invalid(reason: "\(name) must be true or false")
    }

    /// A text, a number or a flag, as text.
    func word(_ name: String) throws -> String {
      switch value(name) {
      case .string(let text)?: return text
      case .int(let number)?: return String(number)
      case .bool(let flag)?: return flag ? "True" : "False"
      default: throw Invalid(reason: "\(name) must be a string")
      }
    }

    /// Names with commas between them, or an array of them.
    func list(_ name: String) throws -> [String] {
      guard let value = value(name) else { return [] }
      if let texts = value.array?.compactMap(\.string) { return texts }
      return try (text(name) ?? "").split(separator: ",").map { $0.trimmingPrefix(" ").description }
    }
  }
}
