import CLDAP
import Foundation
import Kit

/// A connection to an LDAP server. It blocks, for a bounded time: use it off the cooperative pool only, and from one
/// thread at a time.
final class LDAPConnection {
  /// What the server, or the way to it, says no with. 49 is a wrong name or password.
  struct Failure: Error, Equatable {
    static let invalidCredentials: Int32 = 49
    static let noSuchObject: Int32 = 32
    var code: Int32
    var message: String { String(cString: ldap_err2string(code)) }
  }

  /// An object of the directory with the attributes that were asked for, in lower case.
  struct Entry: Sendable {
    var dn: String
    var values: [String: [String]]

    func first(_ attribute: String) -> String? { values[attribute.lowercased()]?.first }
  }

  /// Seconds that any answer may take.
  static let patienceSeconds: Int32 = 10
  /// Bytes of one message of the server at the most.
  private static let messageMax: UInt = 4 * 1024 * 1024
  /// Entries that are asked for at once.
  private static let pageCount: Int32 = 500
  private let handle: OpaquePointer

  /// Connects with the first call. Throws `Failure`.
  init(_ config: DirectoryConfig) throws {
    _ = Self.ignoresPipeSignal
    var opened: OpaquePointer?
    try Self.check(cldap_open(config.url, Self.patienceSeconds, Self.messageMax, &opened))
    guard let opened else { throw Failure(code: -1) }
    handle = opened
    // Should one of these fail, `deinit` closes it.
    guard config.usesTLS else { return }
    try Self.check(cldap_trust(handle, config.certificates.rawValue, config.certificateFile, config.certificateFolder))
    if !config.url.lowercased().hasPrefix("ldaps:") { try Self.check(cldap_start_tls(handle)) }
  }

  deinit { cldap_close(handle) }

  /// A server that goes away while we write must not end the process.
  private static let ignoresPipeSignal: Bool = {
    signal(SIGPIPE, SIG_IGN)
    return true
  }()

  private static func check(_ code: Int32) throws {
    guard code == 0 else { throw Failure(code: code) }
  }

  /// Shows who we are. Throws `Failure`, of `invalidCredentials` where the password is wrong.
  ///
  /// With an empty password a server would take it for no attempt at all and say yes (RFC 4513, section 5.1.2): such a
  /// one is wrong without asking.
  func bind(dn: String, password: Secret<String>) throws {
    let secret = password.reveal()
    guard !secret.isEmpty, !dn.isEmpty, !secret.utf8.contains(0), !dn.utf8.contains(0) else {
      throw Failure(code: Failure.invalidCredentials)
    }
    try Self.check(cldap_bind(handle, dn, secret, UInt(secret.utf8.count)))
  }

  /// Says that we are nobody.
  func bindAnonymously() throws { try Self.check(cldap_bind(handle, "", "", 0)) }

  /// Entries below `base` that fit. Throws `Failure`, of `noSuchObject` where there is no `base`; `TooMany`.
  func search(
    _ base: String, scope: DirectoryConfig.Scope, filter: String, attributes: [String], countMax: Int
  ) throws -> [Entry] {
    let wanted = Array(Set(attributes.map { $0.lowercased() })).sorted()
    var names: [UnsafeMutablePointer<CChar>?] = wanted.map { strdup($0) } + [nil]
    defer { for name in names { free(name) } }
    var cookie: UnsafeMutablePointer<berval>?
    defer { if let cookie { ber_bvfree(cookie) } }
    var entries: [Entry] = []
    repeat {
      var result: OpaquePointer?
      let code = cldap_page(
        handle, base, scope.rawValue, filter, &names, Self.patienceSeconds, Self.pageCount, &cookie, &result)
      defer { ldap_msgfree(result) }
      try Self.check(code)
      var next = ldap_first_entry(handle, result)
      while let entry = next {
        if let entry = read(entry, wanted) { entries.append(entry) }
        guard entries.count <= countMax else { throw TooMany() }
        next = ldap_next_entry(handle, entry)
      }
    } while cookie != nil
    return entries
  }

  /// The directory holds more than we take.
  struct TooMany: Error {}

  private func read(_ entry: OpaquePointer, _ attributes: [String]) -> Entry? {
    guard let name = ldap_get_dn(handle, entry) else { return nil }
    defer { ldap_memfree(name) }
    var values: [String: [String]] = [:]
    for attribute in attributes {
      guard let found = ldap_get_values_len(handle, entry, attribute) else { continue }
      defer { ldap_value_free_len(found) }
      var texts: [String] = []
      var place = found
      while let value = place.pointee?.pointee {
        let bytes = UnsafeBufferPointer(start: value.bv_val, count: Int(value.bv_len))
        // What is no text (a photograph) is nothing that we ask for.
        if let text = String(validating: bytes.map { UInt8(bitPattern: $0) }, as: UTF8.self) { texts.append(text) }
        place += 1
      }
      values[attribute] = texts
    }
    return Entry(dn: String(cString: name), values: values)
  }

  /// A distinguished name as it can be compared: written one way, in lower case.
  static func comparable(dn: String) -> String {
    var parsed: LDAPDN?
    guard ldap_str2dn(dn, &parsed, UInt32(LDAP_DN_FORMAT_LDAPV3)) == 0, let parsed else { return dn.lowercased() }
    defer { ldap_dnfree(parsed) }
    var written: UnsafeMutablePointer<CChar>?
    guard ldap_dn2str(parsed, &written, UInt32(LDAP_DN_FORMAT_LDAPV3)) == 0, let written else { return dn.lowercased() }
    defer { ldap_memfree(written) }
    return String(cString: written).lowercased()
  }

  /// A value as it stands in a filter: nothing in it is a part of the filter (RFC 4515, section 3).
  static func escaped(_ value: String) -> String {
    var escaped = ""
    for byte in value.utf8 {
      switch byte {
      case UInt8(ascii: "\\"), UInt8(ascii: "*"), UInt8(ascii: "("), UInt8(ascii: ")"), 0, 0x80...:
        let digits = String(byte, radix: 16)
        escaped += "\\" + (digits.count == 1 ? "0" : "") + digits
      default: escaped.unicodeScalars.append(Unicode.Scalar(byte))
      }
    }
    return escaped
  }
}
