/// What is done where the world and what was asked are different.
public enum DriftPolicy: String, Sendable, Codable, CaseIterable {
  /// It is put back.
  case enforce
  /// Reality becomes what is asked from now on, and why is recorded.
  case adopt
  /// It is shown and left alone until somebody decides.
  case report
}

/// Every field that is compared with the world. A finding names its field, so nothing is compared without a policy.
public enum DriftField: String, Sendable, Codable, CaseIterable {
  case guestPowerOff = "server.guest_power_off"
  case power = "server.power"
  case pause = "server.pause"
  case definition = "server.definition"
  case cards = "server.cards"
  case rootDisk = "server.root_disk"
  case baseImage = "server.base_image"
  case tap = "port.tap"
  case rules = "port.rules"
  case bridge = "network.bridge"
  case dhcpNamespace = "network.dhcp_namespace"
  case dhcpDaemon = "network.dhcp_daemon"
  case leases = "network.leases"
  case routerNamespace = "router.namespace"
  case routerDevices = "router.devices"
  case routerRules = "router.rules"
  case routerDaemon = "router.daemon"
  case externalBridge = "host.external_bridge"
  case unknownObject = "host.unknown_object"
  case foreignDomain = "host.foreign_domain"
  case foreignBridge = "host.foreign_bridge"
  case olderStore = "control.older_store"

  public var policy: DriftPolicy {
    switch self {
    case .guestPowerOff: .adopt
    case .rootDisk, .unknownObject, .foreignDomain, .foreignBridge, .olderStore: .report
    default: .enforce
    }
  }

  /// What is compared, and what follows, in a sentence for the operator.
  public var meaning: String {
    switch self {
    case .guestPowerOff: "A guest that powered itself off is stopped from then on."
    case .power: "A guest that was ended from outside, or crashed, is booted again."
    case .pause: "A guest that somebody suspended runs on; one that QEMU paused for an error of its disk is shown."
    case .definition: "A domain that was undefined, renamed or changed gets its definition back."
    case .cards: "A guest's network cards become those that are asked."
    case .rootDisk: "A root disk that is gone is lost data: the server is in ERROR, and nothing is made in its place."
    case .baseImage: "A base image that is gone is fetched again, and checked by its digest."
    case .tap: "A port's tap is made again, and its card plugged in anew."
    case .rules: "The host's packet rules are loaded again as they should be."
    case .bridge: "A network's bridge is made again and set up."
    case .dhcpNamespace: "The namespace of a network's DHCP and metadata is made again."
    case .dhcpDaemon: "dnsmasq is started again."
    case .leases: "The file of leases is written anew."
    case .routerNamespace: "A router's namespace is made again."
    case .routerDevices: "A router's interfaces, addresses and routes are made again."
    case .routerRules: "A router's packet rules are loaded again."
    case .routerDaemon: "radvd is started again."
    case .externalBridge: "The cloud's own external bridge and its address are made again."
    case .unknownObject: "What carries this cloud's mark and is not known to control is left alone, in quarantine."
    case .foreignDomain: "A domain of somebody else is left alone."
    case .foreignBridge: "A bridge of somebody else is left alone."
    case .olderStore:
      "A store that is older than what the nodes hold begins a new epoch, and nothing is deleted for it."
    }
  }
}
