import Foundation
public import Kit

/// What one cloud is: fixed when `haneul up` first makes its state directory, kept in `cloud.json`.
public struct CloudSettings: Sendable, Codable, Hashable {
  /// The cloud's id; its first four hex digits are the tag on everything it makes.
  public var cloudID: String
  /// The epoch a new store begins with. From then on the store itself keeps it (`StoreIdentity`).
  public var epoch: Int64
  /// Address and port the API listens on.
  public var host: String
  public var port: Int
  /// The external network's block; its first address is the host's own on the external bridge.
  public var externalCIDR: String
  /// Whether guests reach the world through the host's own address.
  public var externalMasquerade: Bool
  /// Where the store is: nil is a file of SQLite in the state directory, `postgresql` a server whose address is in a
  /// file of its own.
  public var storeEngine: String?
  /// Control processes on this machine; nil is one.
  public var controls: Int?
  /// What the operator wants to see of it at work.
  public var observe: ObserveSettings?
  /// How the API is reached; nil is plain, from this host alone.
  public var edge: EdgeSettings?
  /// What is chosen about logins and passwords; nil is the standard.
  public var identity: IdentityChoices?

  public init(
    cloudID: String, epoch: Int64, host: String, port: Int, externalCIDR: String, externalMasquerade: Bool
  ) {
    self.cloudID = cloudID
    self.epoch = epoch
    self.host = host
    self.port = port
    self.externalCIDR = externalCIDR
    self.externalMasquerade = externalMasquerade
  }

  /// The value of `storeEngine` for PostgreSQL.
  static let postgres = "postgresql"
  /// Whether control processes, here or elsewhere, may share the store.
  public var usesPostgres: Bool { storeEngine == Self.postgres }
  /// Control processes on this machine.
  public var controlCount: Int { controls ?? 1 }

  /// As the control process of that number, counted from 1, sees them: each listens on a port of its own.
  public func seen(byControl number: Int) -> CloudSettings {
    var settings = self
    settings.port += number - 1
    settings.observe = observe?.seen(byControl: number)
    return settings
  }

  public var tag: CloudTag { CloudTag(cloudID: cloudID) }
}

/// What the operator said on the command line; nil keeps what the cloud already is.
public struct CloudOptions: Sendable {
  public var host: String?
  public var port: Int?
  public var externalCIDR: String?
  public var externalMasquerade: Bool?
  /// libpq's URL of the store.
  public var store: Secret<String>?
  /// How many control processes run on this machine.
  public var controls: Int?
  public var observe = ObserveOptions()
  public var edge = EdgeOptions()
  public var identity = IdentityChoices()

  public init(host: String?, port: Int?, externalCIDR: String?, externalMasquerade: Bool?) {
    self.host = host
    self.port = port
    self.externalCIDR = externalCIDR
    self.externalMasquerade = externalMasquerade
  }

  /// Control processes on one machine at the most.
  public static let controlsMax = 4

  public static let defaultHost = "127.0.0.1"
  public static let defaultPort = 8700
  /// TEST-NET-3 (RFC 5737): no address of it is anybody's.
  public static let defaultExternalCIDR = "203.0.113.0/24"

  /// `existing` with what was said put in; a new cloud where there is none.
  /// Throws `CloudProblem` for what cannot be, or cannot be changed any more.
  public func settings(existing: CloudSettings?) throws -> CloudSettings {
    var settings =
      existing
      ?? CloudSettings(
        cloudID: Identifier.uuid(), epoch: 1, host: Self.defaultHost, port: Self.defaultPort,
        externalCIDR: Self.defaultExternalCIDR, externalMasquerade: false)
    if let host { settings.host = host }
    if let port { settings.port = port }
    if let externalMasquerade { settings.externalMasquerade = externalMasquerade }
    try putStore(&settings, isNew: existing == nil)
    try observe.put(&settings)
    if let externalCIDR {
      guard let block = CIDR(externalCIDR), block.version == 4, (8...27).contains(block.prefix) else {
        throw CloudProblem("--external-cidr \(externalCIDR) is no IPv4 block of /8 to /27.")
      }
      if existing != nil, CIDR(settings.externalCIDR) != block {
        throw CloudProblem(
          "This cloud's external network is \(settings.externalCIDR) already; change its subnets by the network API.")
      }
      settings.externalCIDR = block.description
    }
    settings.edge = try edge.settings(settings.edge)
    let chosen = try (settings.identity ?? IdentityChoices()).with(identity)
    settings.identity = chosen == IdentityChoices() ? nil : chosen
    try settings.checkReach()
    return settings
  }

  private func putStore(_ settings: inout CloudSettings, isNew: Bool) throws {
    if let store {
      guard ["postgres://", "postgresql://"].contains(where: store.reveal().hasPrefix) else {
        throw CloudProblem(
          "--store takes postgres://USER:PASSWORD@HOST/DATABASE. Without it the store is a SQLite file.")
      }
      guard isNew || settings.usesPostgres else {
        throw CloudProblem(
          "This cloud has a store already, a SQLite file. To move it: haneul backup FILE, haneul down, then haneul "
            + "restore FILE --store postgres://…")
      }
      settings.storeEngine = CloudSettings.postgres
    }
    if let controls { settings.controls = controls == 1 ? nil : controls }
    guard (1...Self.controlsMax).contains(settings.controlCount) else {
      throw CloudProblem("--controls \(settings.controlCount) is not 1 to \(Self.controlsMax).")
    }
    guard settings.controlCount == 1 || settings.usesPostgres else {
      throw CloudProblem("Several control processes need a store that they can share: --store postgres://…")
    }
    guard (1...65535 - Self.controlsMax).contains(settings.port) else {
      throw CloudProblem("--listen: port \(settings.port) leaves none for the control processes beside the first.")
    }
  }

}

/// Why the cloud cannot do what an operator asked, and what to do about it.
public struct CloudProblem: Error, Sendable, CustomStringConvertible {
  public var description: String
  public init(_ description: String) { self.description = description }
}
