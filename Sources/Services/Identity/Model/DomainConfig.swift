import Auth
import Kit

/// Settings of a domain: options in groups, `{"ldap": {"url": …}}`. Only Keystone's own options are taken.
struct DomainConfig: Sendable, Equatable {
  /// One option; its value is whatever JSON value the client gave.
  struct Option: Sendable, Equatable {
    var group: String
    var name: String
    var value: JSONValue

    /// Never shown again.
    var isSensitive: Bool { DomainConfig.sensitive[group]?.contains(name) ?? false }

    /// The value with secrets in the place of their names, `%(password)s`, as in Keystone. It must not be shown.
    func filled(with secrets: [SecretOption]) -> JSONValue {
      guard var text = value.string else { return value }
      for secret in secrets { text = text.replacing("%(\(secret.name))s", with: secret.value.reveal()) }
      return .string(text)
    }
  }

  /// One sensitive option; what is no text is kept as JSON.
  struct SecretOption: Sendable {
    var group: String
    var name: String
    var value: Secret<String>
  }

  var options: [Option]

  /// Groups with their options, `{}` where there is none.
  var groups: [String: JSONValue] {
    Dictionary(grouping: options, by: \.group).mapValues { inGroup in
      .object(Dictionary(inGroup.map { ($0.name, $0.value) }) { $1 })
    }
  }

  /// What is taken and kept to ourselves.
  static let sensitive: [String: Set<String>] = ["ldap": ["password"]]

  static func knows(group: String) -> Bool { defaults[group] != nil }

  static func knows(group: String, option: String) -> Bool {
    defaults[group]?[option] != nil || sensitive[group]?.contains(option) ?? false
  }

  /// What an option is where nobody set it: Keystone's defaults.
  static let defaults: [String: [String: JSONValue]] = ["identity": identity, "ldap": ldap]

  private static let identity: [String: JSONValue] = ["driver": .string("sql"), "list_limit": .null]

  private static let ldap: [String: JSONValue] = [
    "url": .string("ldap://localhost"), "user": .null, "suffix": .string("cn=example,cn=com"),
    "query_scope": .string("one"), "page_size": .int(0), "alias_dereferencing": .string("default"),
    "debug_level": .null, "chase_referrals": .null,
    "user_tree_dn": .null, "user_filter": .null, "user_objectclass": .string("inetOrgPerson"),
    "user_id_attribute": .string("cn"), "user_name_attribute": .string("sn"), "user_mail_attribute": .string("mail"),
    "user_description_attribute": .string("description"), "user_pass_attribute": .string("userPassword"),
    "user_enabled_attribute": .string("enabled"), "user_enabled_invert": .bool(false), "user_enabled_mask": .int(0),
    "user_enabled_default": .string("True"), "user_attribute_ignore": .array([.string("default_project_id")]),
    "user_default_project_id_attribute": .null, "user_enabled_emulation": .bool(false),
    "user_enabled_emulation_dn": .null, "user_enabled_emulation_use_group_config": .bool(false),
    "user_additional_attribute_mapping": .array([]),
    "group_tree_dn": .null, "group_filter": .null, "group_objectclass": .string("groupOfNames"),
    "group_id_attribute": .string("cn"), "group_name_attribute": .string("ou"), "group_members_are_ids": .bool(false),
    "group_member_attribute": .string("member"), "group_desc_attribute": .string("description"),
    "group_attribute_ignore": .array([]), "group_additional_attribute_mapping": .array([]),
    "tls_cacertfile": .null, "tls_cacertdir": .null, "use_tls": .bool(false), "tls_req_cert": .string("demand"),
    "use_pool": .bool(true), "pool_size": .int(10), "pool_retry_max": .int(3), "pool_retry_delay": .double(0.1),
    "pool_connection_timeout": .int(-1), "pool_connection_lifetime": .int(600), "use_auth_pool": .bool(true),
    "auth_pool_size": .int(100), "auth_pool_connection_lifetime": .int(60),
  ]
}
