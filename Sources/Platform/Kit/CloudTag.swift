/// The short mark of one cloud on everything it makes on a host: nothing without it is ever changed or removed.
public struct CloudTag: Sendable, Hashable, Codable, CustomStringConvertible {
  /// Four hex digits taken from the cloud's id.
  public let text: String

  public init(cloudID: String) { text = String(cloudID.replacing("-", with: "").prefix(4)) }

  public var description: String { text }

  /// What an interface is for: the letter in its name.
  public enum Role: String, Sendable, CaseIterable {
    case bridge = "b"
    case tap = "t"
    case dhcp = "d"
    case routerPort = "r"
    case gateway = "g"
    case external = "x"
  }

  /// The name of an interface on the host, at most 15 bytes: `h<tag><role><9 hex digits of id>`.
  public func interface(_ role: Role, _ id: String) -> String {
    "h\(text)\(role.rawValue)\(id.replacing("-", with: "").prefix(9))"
  }

  /// What every interface of this cloud begins with.
  public var interfacePrefix: String { "h\(text)" }

  /// The network namespace of a network's DHCP and metadata.
  public func dhcpNamespace(_ networkID: String) -> String { "haneul-\(text)-dhcp-\(networkID)" }

  /// The network namespace of a router.
  public func routerNamespace(_ routerID: String) -> String { "haneul-\(text)-router-\(routerID)" }

  /// What every namespace of this cloud begins with.
  public var namespacePrefix: String { "haneul-\(text)-" }

  /// The nftables tables of this cloud in the host's namespace (one in each family).
  public var nftTable: String { "haneul_\(text)" }

  /// A libvirt domain's name.
  public func domain(_ serverID: String) -> String { "haneul-\(text)-\(serverID)" }
}
