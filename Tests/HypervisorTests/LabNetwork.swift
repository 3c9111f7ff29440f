import Drivers
import Foundation
import Kit
import Subprocess
import Testing

@testable import Hypervisor

/// A bridge with a namespace behind it, from where dnsmasq answers and a guest is pinged.
struct LabNetwork: Sendable {
  private static let guestAddress = "10.99.0.5"
  private static let mac = MACAddress.random().description

  private let lab: Lab
  private let namespace: String
  private let bridge: String
  private let server: Task<Void, Never>

  init(_ lab: Lab) async throws {
    self.lab = lab
    let id = Identifier.uuid()
    let (namespace, bridge) = ("haneul-test-" + Identifier.hex(), lab.tag.interface(.bridge, id))
    let veth = lab.tag.interface(.dhcp, id)
    (self.namespace, self.bridge) = (namespace, bridge)
    try await command("ip", ["netns", "add", namespace])
    try await command("ip", ["link", "add", bridge, "type", "bridge"])
    try await command("ip", ["link", "add", veth, "type", "veth", "peer", "name", "in", "netns", namespace])
    try await command("ip", ["link", "set", veth, "master", bridge, "up"])
    try await command("ip", ["link", "set", bridge, "up"])
    try await command("ip", ["-n", namespace, "address", "add", "10.99.0.1/24", "dev", "in"])
    try await command("ip", ["-n", namespace, "link", "set", "in", "up"])
    server = Task {
      // Without a router: the guest then looks for no metadata.
      let arguments = [
        "netns", "exec", namespace, "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0",
        "--bind-interfaces", "--interface=in", "--leasefile-ro", "--no-ping", "--pid-file=", "--dhcp-option=3",
        "--dhcp-range=10.99.0.0,static", "--dhcp-host=\(Self.mac),\(Self.guestAddress)",
      ]
      _ = try? await Subprocess.run(
        .name("ip"), arguments: Arguments(arguments), output: .discarded, error: .discarded)
    }
  }

  /// The one card that dnsmasq knows, on a tap that is up.
  func card(slot: Int) async throws -> DomainSpec.Card {
    let card = lab.cardWithoutTap(slot: slot, mac: Self.mac)
    try await makeTap(card.tap)
    return card
  }

  func makeTap(_ tap: String) async throws {
    try await command("ip", ["tuntap", "add", "dev", tap, "mode", "tap", "vnet_hdr"])
    try await command("ip", ["link", "set", tap, "mtu", "1450", "master", bridge, "up"])
  }

  /// Whether the guest answers now.
  func pings() async throws -> Bool {
    let arguments = ["netns", "exec", namespace, "ping", "-q", "-c", "1", "-W", "2", Self.guestAddress]
    let result = try await Subprocess.run(
      .name("ip"), arguments: Arguments(arguments), output: .discarded, error: .discarded)
    return result.terminationStatus.isSuccess
  }

  func reachesGuest() async throws -> Bool { try await eventually(seconds: 60) { try await pings() } }

  /// Removes it with every tap on it.
  func end() async throws {
    server.cancel()
    await server.value
    let taps = (try? FileManager.default.contentsOfDirectory(atPath: "/sys/class/net/\(bridge)/brif")) ?? []
    for device in taps + [bridge] { _ = try? await command("ip", ["link", "delete", device]) }
    try await command("ip", ["netns", "delete", namespace])
  }
}
