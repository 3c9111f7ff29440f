import API
import Foundation
import Kit

/// How the API is reached and how much of it anybody may take: kept in `cloud.json`.
public struct EdgeSettings: Sendable, Codable, Hashable {
  public enum TLS: Sendable, Codable, Hashable {
    /// A certificate of the built-in authority.
    case authority
    /// The operator's own files, in PEM.
    case files(certificate: String, key: String)
  }

  /// nil is none: then the API stays on loopback.
  public var tls: TLS?
  /// Where clients reach the API, where that is not the address it listens on: a name, or a proxy in front.
  public var publicURL: String?
  /// Blocks of the proxies whose `Forwarded` and `X-Forwarded-*` are believed.
  public var trustedProxies: [String] = []
  /// Requests a second of one address and of one project; nil is the standard, 0 is without bound.
  public var addressRate: Double?
  public var projectRate: Double?

  public init() {}

  /// The gateway's limits.
  var limits: EdgeLimits {
    var limits = EdgeLimits()
    if let addressRate { limits.addressRate = addressRate > 0 ? Rate(perSecond: addressRate) : nil }
    if let projectRate { limits.projectRate = projectRate > 0 ? Rate(perSecond: projectRate) : nil }
    return limits
  }

  var proxies: ProxyTrust { ProxyTrust(trustedProxies.compactMap { CIDR($0) }) }
}

/// What the operator said of it on the command line; nil keeps what is.
public struct EdgeOptions: Sendable {
  /// A rate above it is a mistake.
  private static let rateMax = 1_000_000.0

  /// The built-in authority, or none.
  public var tls: Bool?
  public var certificate: String?
  public var key: String?
  public var publicURL: String?
  /// Empty keeps what is; `none` takes them all away.
  public var trustedProxies: [String] = []
  public var addressRate: Double?
  public var projectRate: Double?

  public init() {}

  /// `existing` with what was said put in. Throws `CloudProblem` for what cannot be.
  func settings(_ existing: EdgeSettings?) throws -> EdgeSettings? {
    var settings = existing ?? EdgeSettings()
    if let tls { settings.tls = tls ? .authority : nil }
    if certificate != nil || key != nil {
      guard let certificate, let key, tls == nil else {
        throw CloudProblem("--tls-cert and --tls-key belong together, and take the place of --tls.")
      }
      settings.tls = .files(certificate: Self.absolute(certificate), key: Self.absolute(key))
    }
    if let publicURL { settings.publicURL = publicURL == "none" ? nil : try Self.checked(url: publicURL) }
    if !trustedProxies.isEmpty {
      settings.trustedProxies = try trustedProxies == ["none"] ? [] : trustedProxies.map(Self.block)
    }
    guard settings.trustedProxies.count <= ProxyTrust.blocksMax else {
      throw CloudProblem("--trusted-proxy: more than \(ProxyTrust.blocksMax) blocks.")
    }
    if let addressRate { settings.addressRate = try Self.rate("--rate-per-address", addressRate) }
    if let projectRate { settings.projectRate = try Self.rate("--rate-per-project", projectRate) }
    return settings == EdgeSettings() ? nil : settings
  }

  private static func absolute(_ path: String) -> String {
    URL(filePath: path).standardizedFileURL.path(percentEncoded: false)
  }

  private static func block(_ text: String) throws -> String {
    guard let block = CIDR(text) else { throw CloudProblem("--trusted-proxy \(text) is no address and no block.") }
    return block.description
  }

  private static func rate(_ name: String, _ rate: Double) throws -> Double {
    guard rate >= 0, rate <= rateMax else { throw CloudProblem("\(name) \(rate) is not 0 to \(Int(rateMax)).") }
    return rate
  }

  private static func checked(url text: String) throws -> String {
    guard let url = URL(string: text), url.scheme == "http" || url.scheme == "https", let host = url.host(),
      !host.isEmpty, url.path().isEmpty || url.path() == "/", url.query() == nil, url.user() == nil,
      text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f })
    else { throw CloudProblem("--public-url \(text) is not http://NAME[:PORT] or https://NAME[:PORT].") }
    return text.hasSuffix("/") ? String(text.dropLast()) : text
  }
}

extension CloudSettings {
  private var scheme: String { edge?.tls == nil ? "http" : "https" }

  /// Where clients reach the API: what the catalogue and clouds.yaml say.
  public var baseURL: String { edge?.publicURL ?? localURL }

  /// Where this host reaches the API.
  public var localURL: String {
    let near =
      switch host {
      case "0.0.0.0": "127.0.0.1"
      case "::": "::1"
      default: host
      }
    return "\(scheme)://\(near.contains(":") ? "[\(near)]" : near):\(port)"
  }

  /// Throws `CloudProblem` for an address that the API must not listen on, or that says nothing to clients.
  func checkReach() throws {
    guard let address = IPAddress(host) else { throw CloudProblem("--listen \(host) is not an address.") }
    let isLoopback = address.version == 4 ? address.bits >> 24 == 127 : address.bits == 1
    guard isLoopback || edge?.tls != nil else {
      throw CloudProblem(
        "--listen \(host) is not a loopback address. Without TLS the API stays on loopback: add --tls, or --tls-cert "
          + "and --tls-key.")
    }
    guard address.bits != 0 || edge?.publicURL != nil else {
      throw CloudProblem("--listen \(host) is every address: say which clients use, --public-url https://NAME:\(port)")
    }
  }

  /// The names and addresses that the built-in authority vouches for.
  var certifiedNames: [String] {
    var names = ["localhost", "127.0.0.1", "::1"]
    if let address = IPAddress(host), address.bits != 0 { names.append(address.description) }
    if let name = edge?.publicURL.flatMap({ URL(string: $0)?.host() }) {
      names.append(name.trimmingCharacters(in: ["[", "]"]))
    }
    return names
  }

  /// The listener's TLS; nil where there is none.
  func tls(_ state: StateDirectory) -> ListenerTLS? {
    switch edge?.tls {
    case nil: nil
    case .authority: .authority(CertificateAuthority(directory: state.tls), names: certifiedNames)
    case .files(let certificate, let key): .files(certificate: certificate, key: key)
    }
  }
}

extension StateDirectory {
  /// The built-in authority's folder, 0700: control's own.
  var tls: String { control + "/tls" }
  /// The authority's certificate for clients.
  public var caCertificate: String { path + "/ca.pem" }

  /// Makes the authority and the first certificate before control starts, and puts what clients must trust where they
  /// can read it. Throws `CloudProblem` where certificate or key cannot be used.
  func prepareTLS(_ settings: CloudSettings, controlUser: SystemUser) throws {
    guard let tls = settings.tls(self) else { return }
    try Ownership.refuseLinks([self.tls])
    do {
      try tls.check()
      guard case .authority(let authority, _) = tls else { return try checkReadable(tls, by: controlUser) }
      try Ownership.give(self.tls, to: controlUser)
      // Everybody can read what this becomes: it must be nothing else.
      guard let certificate = Ownership.read(authority.certificate),
        certificate.starts(with: Data("-----BEGIN CERTIFICATE-----".utf8))
      else { throw CloudProblem("\(authority.certificate) cannot be read, or is no certificate.") }
      try Self.replace(caCertificate, with: certificate, mode: 0o644)
    } catch let problem as TLSProblem {
      throw CloudProblem(problem.description)
    }
  }

  /// Control is not root: what it cannot read it cannot serve.
  private func checkReadable(_ tls: ListenerTLS, by user: SystemUser) throws {
    guard case .files(let certificate, let key) = tls else { return }
    for path in [certificate, key] {
      let facts = try FileManager.default.attributesOfItem(atPath: path)
      func number(_ key: FileAttributeKey) -> UInt32? { (facts[key] as? NSNumber)?.uint32Value }
      let mode = number(.posixPermissions) ?? 0
      let isReadable =
        mode & 0o004 != 0 || number(.ownerAccountID) == user.uid && mode & 0o400 != 0
        || number(.groupOwnerAccountID) == user.gid && mode & 0o040 != 0
      guard isReadable else {
        throw CloudProblem("\(path) cannot be read by user \(SystemUser.control): chgrp and chmod 0640 it.")
      }
    }
  }
}
