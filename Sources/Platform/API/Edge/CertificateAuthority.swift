import Crypto
import Foundation
public import Kit
import SwiftASN1
import X509

/// The cloud's own small certificate authority: one key that signs the certificates of this cloud's listeners. Clients
/// that hold its certificate need trust nobody else.
public struct CertificateAuthority: Sendable, Hashable {
  /// How long its own certificate is good for, and a server's; a server's is renewed when less than `renewDays` are
  /// left.
  static let ownDays = 3650
  static let serverDays = 90
  static let renewDays = 30
  /// A client's clock may be behind by so many seconds.
  private static let skewSeconds = 3600.0

  /// The folder of everything: `ca.pem`, `ca.key`, `server.pem` and `server.key`, keys readable by their owner alone.
  public let directory: String

  public init(directory: String) { self.directory = directory }

  /// What clients must trust.
  public var certificate: String { directory + "/ca.pem" }
  var key: String { directory + "/ca.key" }
  var serverCertificate: String { directory + "/server.pem" }
  var serverKey: String { directory + "/server.key" }

  /// Makes what is missing: the authority, and a server's certificate for `names` (names and addresses) good for
  /// `renewDays` at least. True where the server's certificate is new. Throws where it cannot be read or written.
  @discardableResult
  public func prepare(names: [String], now: Timestamp = .now()) throws -> Bool {
    if mkdir(directory, 0o700) != 0, errno != EEXIST { throw Self.problem("make", directory) }
    let authority = try authority(now)
    if let present = try? read(serverCertificate), isKey(serverKey, of: present),
      isGood(present, names, authority.certificate, now)
    {
      return false
    }
    let key = P256.Signing.PrivateKey()
    let certificate = try issue(to: key, names, by: authority, now)
    try Self.write(Certificate.PrivateKey(key).serializeAsPEM().pemString, serverKey, mode: 0o600)
    try Self.write(certificate.serializeAsPEM().pemString, serverCertificate, mode: 0o644)
    return true
  }

  private struct Authority {
    var certificate: Certificate
    var key: Certificate.PrivateKey
  }

  private func authority(_ now: Timestamp) throws -> Authority {
    if access(certificate, F_OK) == 0, access(key, F_OK) == 0 {
      let text = String(decoding: try Self.bytes(key), as: UTF8.self)
      return Authority(certificate: try read(certificate), key: try Certificate.PrivateKey(pemEncoded: text))
    }
    let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
    let name = try DistinguishedName {
      OrganizationName("Haneul")
      CommonName("Haneul CA " + Identifier.uuid().prefix(8))
    }
    let certificate = try Certificate(
      version: .v3, serialNumber: .init(), publicKey: key.publicKey, notValidBefore: Self.date(now, -Self.skewSeconds),
      notValidAfter: Self.date(now, Double(Self.ownDays) * 86_400), issuer: name, subject: name,
      signatureAlgorithm: .ecdsaWithSHA256,
      extensions: Certificate.Extensions {
        Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
        Critical(KeyUsage(keyCertSign: true, cRLSign: true))
        SubjectKeyIdentifier(hash: key.publicKey)
      }, issuerPrivateKey: key)
    try Self.write(key.serializeAsPEM().pemString, self.key, mode: 0o600)
    try Self.write(certificate.serializeAsPEM().pemString, self.certificate, mode: 0o644)
    return Authority(certificate: certificate, key: key)
  }

  private func issue(
    to key: P256.Signing.PrivateKey, _ names: [String], by authority: Authority, _ now: Timestamp
  ) throws -> Certificate {
    let publicKey = Certificate.PrivateKey(key).publicKey
    let issuer = try authority.certificate.extensions.subjectKeyIdentifier
    return try Certificate(
      version: .v3, serialNumber: .init(), publicKey: publicKey, notValidBefore: Self.date(now, -Self.skewSeconds),
      notValidAfter: Self.date(now, Double(Self.serverDays) * 86_400), issuer: authority.certificate.subject,
      subject: try DistinguishedName { CommonName("Haneul API") }, signatureAlgorithm: .ecdsaWithSHA256,
      extensions: Certificate.Extensions {
        Critical(BasicConstraints.notCertificateAuthority)
        Critical(KeyUsage(digitalSignature: true))
        try ExtendedKeyUsage([.serverAuth])
        SubjectKeyIdentifier(hash: publicKey)
        AuthorityKeyIdentifier(keyIdentifier: issuer?.keyIdentifier)
        SubjectAlternativeNames(Self.alternatives(names))
      }, issuerPrivateKey: authority.key)
  }

  private func isGood(_ server: Certificate, _ names: [String], _ authority: Certificate, _ now: Timestamp) -> Bool {
    let end = Self.date(now, Double(Self.renewDays) * 86_400)
    guard server.notValidAfter > end, server.notValidBefore <= Self.date(now, 0),
      authority.publicKey.isValidSignature(server.signature, for: server),
      let present = try? server.extensions.subjectAlternativeNames
    else { return false }
    return Set(present) == Set(Self.alternatives(names))
  }

  /// Whether the key is the certificate's: a crash between writing the two must not keep the listener down for ever.
  private func isKey(_ path: String, of certificate: Certificate) -> Bool {
    guard let bytes = try? Self.bytes(path),
      let key = try? Certificate.PrivateKey(pemEncoded: String(decoding: bytes, as: UTF8.self))
    else { return false }
    return key.publicKey == certificate.publicKey
  }

  private static func alternatives(_ names: [String]) -> [GeneralName] {
    Set(names).sorted().map { name in
      if let address = IPAddress(name) { return .ipAddress(ASN1OctetString(contentBytes: address.bytes[...])) }
      return .dnsName(name)
    }
  }

  private static func date(_ now: Timestamp, _ seconds: Double) -> Date {
    Date(timeIntervalSince1970: Double(now.microseconds) / 1_000_000 + seconds)
  }

  private func read(_ path: String) throws -> Certificate {
    try Certificate(pemEncoded: String(decoding: try Self.bytes(path), as: UTF8.self))
  }

  private static func bytes(_ path: String) throws -> [UInt8] {
    guard let data = FileManager.default.contents(atPath: path) else { throw problem("read", path) }
    return Array(data)
  }

  /// Written under another name first, so that nobody finds half of it.
  private static func write(_ text: String, _ path: String, mode: mode_t) throws {
    let draft = path + ".new"
    unlink(draft)
    let file = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
    guard file >= 0 else { throw problem("write", path) }
    defer { close(file) }
    let bytes = Array(text.utf8)
    guard Foundation.write(file, bytes, bytes.count) == bytes.count, fchmod(file, mode) == 0, fsync(file) == 0,
      rename(draft, path) == 0
    else { throw problem("write", path) }
  }

  private static func problem(_ what: String, _ path: String) -> TLSProblem {
    TLSProblem("Cannot \(what) \(path): \(String(cString: strerror(errno))).")
  }
}

/// Why TLS cannot be served, and what to do about it.
public struct TLSProblem: Error, Sendable, CustomStringConvertible {
  public let description: String
  init(_ description: String) { self.description = description }
}
