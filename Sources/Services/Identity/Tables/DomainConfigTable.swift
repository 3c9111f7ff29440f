import Auth
import Kit
import Store

/// What was set of a domain: plain options, and sensitive ones that are sealed. There are at most as many rows as
/// `DomainConfig` knows options.
struct DomainConfigTable: Sendable {
  /// The domain, and the group and option that are meant; nil means all.
  var domainID: String
  var group: String?
  var option: String?

  private var conditions: [SQL] {
    ["domain_id = \(domainID)"] + (group.map { ["option_group = \($0)"] } ?? [])
      + (option.map { ["name = \($0)"] } ?? [])
  }

  /// The options that may be shown.
  func config(_ tx: Transaction) throws -> DomainConfig {
    DomainConfig(
      options: try tx.query(
        """
        SELECT option_group, name, value FROM identity_domain_config
        \(SQL.whereAll(conditions)) ORDER BY option_group, name
        """
      ) {
        DomainConfig.Option(group: $0.text(0), name: $0.text(1), value: try JSONValue(parsing: $0.text(2)))
      })
  }

  /// Whether anything is set, sensitive options included.
  func isSet(_ tx: Transaction) throws -> Bool {
    try tx.exists("SELECT 1 FROM identity_domain_config \(SQL.whereAll(conditions)) LIMIT 1")
      || tx.exists("SELECT 1 FROM identity_domain_secret \(SQL.whereAll(conditions)) LIMIT 1")
  }

  /// The sensitive options. Throws where one was sealed by keys that are lost.
  func secrets(_ tx: Transaction, _ keys: KeyRepository) throws -> [DomainConfig.SecretOption] {
    try tx.query(
      """
      SELECT option_group, name, sealed, id FROM identity_domain_secret
      \(SQL.whereAll(conditions)) ORDER BY option_group, name
      """
    ) {
      guard let plain = keys.open($0.text(2)) else { throw CredentialTable.Sealed(id: $0.text(3)) }
      let value = try JSONValue(parsing: plain)
      return DomainConfig.SecretOption(group: $0.text(0), name: $0.text(1), value: Secret(value.string ?? value.text))
    }
  }

  /// The options of a group as they are used: with the sensitive ones, and these in place of their names in the others.
  func filled(_ tx: Transaction, _ keys: KeyRepository) throws -> [String: JSONValue] {
    let (config, secrets) = (try config(tx), try secrets(tx, keys))
    var options = Dictionary(secrets.map { ($0.name, JSONValue.string($0.value.reveal())) }) { $1 }
    for option in config.options { options[option.name] = option.filled(with: secrets) }
    return options
  }

  /// Sets these options of the domain and leaves the others.
  func set(_ tx: Transaction, _ config: DomainConfig, _ keys: KeyRepository, at now: Timestamp) throws {
    for option in config.options {
      guard option.isSensitive else {
        try tx.execute(
          """
          INSERT INTO identity_domain_config (domain_id, option_group, name, value)
          VALUES (\(domainID), \(option.group), \(option.name), \(option.value.text))
          ON CONFLICT (domain_id, option_group, name) DO UPDATE SET value = excluded.value
          """)
        continue
      }
      let (sealed, by) = try keys.sealNamed(Array(option.value.text.utf8), at: now)
      try tx.execute(
        """
        INSERT INTO identity_domain_secret (id, domain_id, option_group, name, sealed, sealed_by)
        VALUES (\(Identifier.hex()), \(domainID), \(option.group), \(option.name), \(sealed), \(by))
        ON CONFLICT (domain_id, option_group, name)
          DO UPDATE SET sealed = excluded.sealed, sealed_by = excluded.sealed_by
        """)
    }
  }

  /// Forgets the options.
  func delete(_ tx: Transaction) throws {
    try tx.execute("DELETE FROM identity_domain_config \(SQL.whereAll(conditions))")
    try tx.execute("DELETE FROM identity_domain_secret \(SQL.whereAll(conditions))")
  }
}
