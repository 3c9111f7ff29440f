import Drivers
import Foundation
import Kit
import Logging
import NodeLink
import Testing

@testable import Dataplane

let testLogger = Logger(label: "dataplane-tests")

/// A cloud of a test's own: random tag, its own directory, everything removed in the end.
final class TestCloud {
  let tag: CloudTag
  let names: Names
  let directory: String
  let driver: LinuxDataplane
  var intent = NetworkIntent()
  private let externalAddress: String?

  init(externalAddress: String? = nil, launcher: MetadataLauncher = .here { _ in }) {
    self.externalAddress = externalAddress
    tag = CloudTag(cloudID: Identifier.uuid())
    names = Names(tag: tag, externalBridge: tag.interface(.external, ""))
    directory = NSTemporaryDirectory() + "dataplane-\(tag)-\(UInt32.random(in: 0...UInt32.max))"
    let external = ExternalBridge(name: names.externalBridge, address: externalAddress)
    driver = LinuxDataplane(
      tag: tag, directory: directory, external: external, launcher: launcher, logger: testLogger)
  }

  /// Runs `body` with a cloud and removes everything after it.
  static func with(
    externalAddress: String? = nil, launcher: MetadataLauncher = .here { _ in },
    _ body: (TestCloud) async throws -> Void
  ) async throws {
    let cloud = TestCloud(externalAddress: externalAddress, launcher: launcher)
    do {
      try await body(cloud)
    } catch {
      await cloud.remove()
      throw error
    }
    await cloud.remove()
  }

  /// The same node after a restart.
  func secondDriver() -> LinuxDataplane {
    let external = ExternalBridge(name: names.externalBridge, address: externalAddress)
    return LinuxDataplane(
      tag: tag, directory: directory, external: external, launcher: .here { _ in }, logger: testLogger)
  }

  @discardableResult
  func apply() async -> NetworkResult { await driver.apply(intent) }

  /// Applies, and fails the test where something is not ready.
  func applyAll(_ location: SourceLocation = #_sourceLocation) async {
    for (key, outcome) in await apply().outcomes where !outcome.ready {
      Issue.record("\(key): \(outcome.problemType ?? "") \(outcome.problem ?? "")", sourceLocation: location)
    }
  }

  func removeAll() async -> [ObjectKey: NetworkOutcome] {
    var last = NetworkIntent()
    last.removed = Set(
      intent.networks.keys.map { ObjectKey(.network, $0) } + intent.ports.keys.map { ObjectKey(.port, $0) }
        + intent.routers.keys.map { ObjectKey(.router, $0) }
    ).union(intent.removed)
    return await driver.apply(last).outcomes
  }

  private func remove() async {
    _ = await removeAll()
    var batch = IPBatch()
    batch.add("link del \(names.externalBridge)")
    _ = try? await Tool.run("ip", ["link", "del", names.externalBridge])
    _ = try? await Tool.run("nft", ["delete", "table", "bridge", tag.nftTable])
    _ = try? await Tool.run("nft", ["delete", "table", "inet", tag.nftTable])
    try? FileManager.default.removeItem(atPath: directory)
  }

  // MARK: what the intent is made of

  /// A network `10.<n>.0.0/24` with DHCP at `.2`, and `fd00:<n>::/64` where `six` says how.
  func addNetwork(_ number: Int, six: String? = nil, external: Bool = false, cidr: String? = nil) -> NetworkSpec {
    let dhcp = !external
    var subnets = [
      NetworkSpec.Subnet(
        id: Identifier.uuid(), cidr: cidr ?? "10.\(number).0.0/24", gateway: cidr == nil ? "10.\(number).0.1" : nil,
        enableDHCP: dhcp, dnsNameservers: ["9.9.9.9"], hostRoutes: [], ipv6AddressMode: nil, ipv6RAMode: nil)
    ]
    if let six {
      subnets.append(
        NetworkSpec.Subnet(
          id: Identifier.uuid(), cidr: "fd00:\(number)::/64", gateway: "fd00:\(number)::1", enableDHCP: true,
          dnsNameservers: [], hostRoutes: [], ipv6AddressMode: six, ipv6RAMode: six))
    }
    let addresses = ["10.\(number).0.2/24"] + (six == nil ? [] : ["fd00:\(number)::2/64"])
    let network = NetworkSpec(
      id: Identifier.uuid(), projectID: Identifier.hex(), mtu: 1450, external: external, subnets: subnets,
      dhcpPort: dhcp
        ? .init(portID: Identifier.uuid(), mac: MACAddress.random().description, addresses: addresses) : nil)
    intent.networks[network.id] = network
    return network
  }

  /// A port at `.host` of each of the network's subnets.
  func addPort(_ network: NetworkSpec, _ host: Int, groups: [String] = []) -> PortSpec {
    let mac = MACAddress.random()
    let fixed = network.subnets.compactMap { subnet -> PortSpec.FixedIP? in
      guard let block = CIDR(subnet.cidr), let address = block.network.advanced(by: host) else { return nil }
      let slaac = subnet.ipv6AddressMode == "slaac"
      let six = IPAddress(version: 6, bits: block.network.bits | mac.eui64)
      return .init(subnetID: subnet.id, address: (slaac ? six : address).description)
    }
    let port = PortSpec(
      id: Identifier.uuid(), networkID: network.id, projectID: network.projectID, deviceID: Identifier.uuid(),
      mac: mac.description, fixedIPs: fixed, adminStateUp: true, portSecurityEnabled: true, allowedAddressPairs: [],
      securityGroupIDs: groups, hostname: "guest-\(host)", extraDHCPOptions: [])
    intent.ports[port.id] = port
    return port
  }

  /// A group that lets everything out and `ingress` in.
  func addGroup(_ ingress: [SecurityGroupSpec.Rule] = []) -> String {
    let id = Identifier.uuid()
    let out = [4, 6].map { Self.rule(.egress, version: $0) }
    intent.securityGroups[id] = SecurityGroupSpec(id: id, stateful: true, rules: out + ingress)
    return id
  }

  static func rule(
    _ direction: SecurityGroupSpec.Rule.Direction, version: Int = 4, number: Int? = nil, ports: ClosedRange<Int>? = nil,
    cidr: String? = nil, group: String? = nil
  ) -> SecurityGroupSpec.Rule {
    SecurityGroupSpec.Rule(
      id: Identifier.uuid(), direction: direction, ipVersion: version, protocolNumber: number,
      portMin: ports?.lowerBound, portMax: ports?.upperBound, remoteCIDR: cidr, remoteGroupID: group)
  }

  /// Opens the port's tap and waits until its bridge forwards: the kernel takes up to a second over a new carrier.
  func frames(_ port: PortSpec) async throws -> FrameGuest {
    let tap = driver.tap(portID: port.id)
    let guest = try FrameGuest(tap: tap, mac: port.mac, address: port.fixedIPs.first?.address ?? "0.0.0.0")
    for _ in 0..<1500 {
      if (try? String(contentsOfFile: "/sys/class/net/\(tap)/brport/state", encoding: .utf8)) == "3\n" { break }
      try await Task.sleep(for: .milliseconds(10))
    }
    return guest
  }
}
