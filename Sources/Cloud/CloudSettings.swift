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

  public var tag: CloudTag { CloudTag(cloudID: cloudID) }
  public var baseURL: String { "http://\(host.contains(":") ? "[\(host)]" : host):\(port)" }
}

/// What the operator said on the command line; nil keeps what the cloud already is.
public struct CloudOptions: Sendable {
  public var host: String?
  public var port: Int?
  public var externalCIDR: String?
  public var externalMasquerade: Bool?

  public init(host: String?, port: Int?, externalCIDR: String?, externalMasquerade: Bool?) {
    self.host = host
    self.port = port
    self.externalCIDR = externalCIDR
    self.externalMasquerade = externalMasquerade
  }

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
    guard let address = IPAddress(settings.host), Self.isLoopback(address) else {
      throw CloudProblem("--listen \(settings.host) is not a loopback address. Without TLS the API stays on loopback.")
    }
    return settings
  }

  private static func isLoopback(_ address: IPAddress) -> Bool {
    address.version == 4 ? address.bits >> 24 == 127 : address.bits == 1
  }
}

/// Why the cloud cannot do what an operator asked, and what to do about it.
public struct CloudProblem: Error, Sendable, CustomStringConvertible {
  public var description: String
  public init(_ description: String) { self.description = description }
}
