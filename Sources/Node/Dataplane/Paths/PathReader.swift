import Foundation
import Kit
import NodeLink

/// Follows a port's packets through the host, from the tap outwards, and reads what counted them.
struct PathReader: Sendable {
  typealias Hop = PacketPath.Hop

  let names: Names
  let checked: CheckedIntent
  let rules: RuleLoader.Outcome?
  let port: CheckedPort
  let network: CheckedNetwork
  let thread: NamespaceThread
  let directory: String
  /// Whether metadata is answered for the port's network.
  let answersMetadata: Bool

  func read() async -> PacketPath {
    let counters = await ruleCounters()
    var hops = [tap, bridge, antiSpoofing(counters)]
    hops += [group(counters, ingress: false), group(counters, ingress: true)]
    hops += dhcp
    hops += metadata
    var outside = network.external
    for router in routers {
      hops += await self.router(router)
      outside = outside || router.gateway != nil
    }
    if outside, !network.external { hops.append(externalBridge) }
    return PacketPath(hops: hops)
  }

  private var key: String { port.id.compact }
  private var groupChains: [String] { ["egress_\(key)", "ingress_\(key)", "forward", "no_flow"] }

  private func ruleCounters() async -> RuleCounters {
    let table = names.tag.nftTable
    let chains =
      AntiSpoofing.chains(key).map { RuleCounters.Chain.bridge($0) } + groupChains.map { RuleCounters.Chain.inet($0) }
    return (try? await thread.run { RuleCounters.read(chains, of: table) }) ?? RuleCounters()
  }

  // MARK: devices

  private var tap: Hop {
    guard let device = DeviceFacts(port.tap) else {
      return Hop(kind: "tap", name: port.tap, state: "missing", passes: false)
    }
    let guest = device.carrier ? "a guest has it open" : "no guest has it open"
    let to = "\(device.sent.packets) packets to the guest"
    var drops: [String] = []
    if device.received.dropped > 0 { drops.append("from the guest: \(device.received.dropped)") }
    if device.sent.dropped > 0 { drops.append("to the guest, which does not take them: \(device.sent.dropped)") }
    return Hop(
      kind: "tap", name: port.tap, state: "\(device.up ? "up" : "down"), MTU \(device.mtu), \(guest), \(to)",
      passes: device.up && device.carrier, packets: device.received.packets, bytes: device.received.bytes, drops: drops)
  }

  private var bridge: Hop {
    guard let device = DeviceFacts(network.bridge) else {
      return Hop(kind: "bridge", name: network.bridge, state: "missing", passes: false)
    }
    let tap = DeviceFacts(port.tap)
    let joined = tap?.master == network.bridge
    let place =
      joined ? (tap?.forwards == true ? "the tap forwards on it" : "the tap does not forward yet") : "without the tap"
    return Hop(
      kind: "bridge", name: network.bridge, state: "\(device.up ? "up" : "down"), MTU \(device.mtu), \(place)",
      passes: device.up && joined && tap?.forwards == true)
  }

  private var externalBridge: Hop {
    guard let device = DeviceFacts(names.externalBridge) else {
      return Hop(kind: "external bridge", name: names.externalBridge, state: "missing", passes: false)
    }
    return Hop(
      kind: "external bridge", name: names.externalBridge, state: "\(device.up ? "up" : "down"), MTU \(device.mtu)",
      passes: device.up, packets: device.received.packets, bytes: device.received.bytes)
  }

  // MARK: rules

  private var since: String { rules?.loaded.map { ", counted since \($0.iso8601)" } ?? "" }

  /// Why no rule of the port is asked, in words; nil where its rules are.
  private func unguarded(_ counters: RuleCounters, _ chain: String) -> (state: String, passes: Bool)? {
    if !port.portSecurity { return ("off: port security is off, all passes", true) }
    if rules?.input.dropped.contains(port.id) ?? false { return ("refused by the kernel: nothing passes", false) }
    return counters.has(chain) ? nil : ("missing: the rules are not loaded", false)
  }

  private func antiSpoofing(_ counters: RuleCounters) -> Hop {
    let chains = AntiSpoofing.chains(key)
    if let (state, passes) = unguarded(counters, chains[0]) {
      return Hop(kind: "anti-spoofing", name: chains[0], state: state, passes: passes)
    }
    let macs = port.sources.map(\.mac.description).joined(separator: ", ")
    let addresses = port.fixedIPs.map(\.address.description).joined(separator: ", ")
    let pairs = port.sources.flatMap(\.addresses.blocks).count > port.fixedIPs.count + port.sources.count
    return Hop(
      kind: "anti-spoofing", name: chains[0],
      state: "\(macs) with \(addresses)\(pairs ? " and its allowed address pairs" : "")\(since)", passes: true,
      drops: counters.drops(chains))
  }

  private func group(_ counters: RuleCounters, ingress: Bool) -> Hop {
    let name = (ingress ? "ingress_" : "egress_") + key
    if let (state, passes) = unguarded(counters, name) {
      return Hop(kind: "security group", name: name, state: state, passes: passes)
    }
    let own = port.groups.compactMap { checked.groups[$0] }
    let emptied = rules?.input.emptied ?? []
    let count = own.filter { !emptied.contains($0.id) }.flatMap(\.rules).filter { $0.ingress == ingress }.count
    let asked = counters.count(name, GroupTable.asked)
    let shared = ingress ? counters.drops(["forward", "no_flow"]).map { "all ports of the host, \($0)" } : []
    return Hop(
      kind: "security group", name: name,
      state: "\(ingress ? "to" : "from") the guest: \(count) rules of \(own.count) groups; new flows\(since)",
      passes: count > 0, packets: asked?.packets, bytes: asked?.bytes, drops: counters.drops([name]) + shared)
  }

  // MARK: services

  private var dhcp: [Hop] {
    guard let service = DHCPService(network: network, names: names, directory: directory), service.serves else {
      return []
    }
    let folder = service.directory
    let ports = checked.ports.values.filter { $0.networkID == network.id }
    let config = DnsmasqConfig(network: network, ports: Array(ports), device: service.device, directory: folder)
    let daemon = DHCPService.daemon(arguments: config.arguments, namespace: service.namespace, directory: folder)
    let missing = daemon.missing
    let hosts = (try? String(contentsOfFile: service.sealedFiles[0], encoding: .utf8)) ?? ""
    let known = hosts.contains("set:port-\(port.id)")
    let leases = Leases(path: service.leasesPath)
    let leased = port.fixedIPs.contains { leases.has($0.address) }
    let state = [
      missing.map { "dnsmasq: \($0)" } ?? "dnsmasq runs", known ? "knows the port" : "does not know the port",
      leased ? "the guest has its lease" : "the guest has taken no lease",
    ]
    return [
      Hop(
        kind: "dhcp", name: service.namespace, state: state.joined(separator: ", "), passes: missing == nil && known)
    ]
  }

  private var metadata: [Hop] {
    guard network.service != nil else { return [] }
    return [
      Hop(
        kind: "metadata", name: "169.254.169.254", state: answersMetadata ? "listening" : "not listening",
        passes: answersMetadata)
    ]
  }

  // MARK: routers

  /// Routers with an interface on the port's network.
  private var routers: [CheckedRouter] {
    checked.routers.values.sorted { $0.id < $1.id }.filter { router in
      router.interfaces.contains { $0.device.bridge == network.bridge }
    }
  }

  private struct Inside: Sendable {
    var view = NamespaceView()
    var received: [String: (packets: Int64, bytes: Int64)] = [:]
    var counters = RuleCounters()
  }

  private func router(_ router: CheckedRouter) async -> [Hop] {
    let namespace = names.tag.routerNamespace(router.id)
    let inside = try? await thread.run(in: namespace) {
      Inside(
        view: .read(), received: DeviceFacts.receivedHere(),
        counters: RuleCounters.read(
          sets: [RouterTable.countIn, RouterTable.countOut], of: "ip \(RouterTable.name)"))
    }
    guard let inside, let own = router.interfaces.first(where: { $0.device.bridge == network.bridge })?.device else {
      return [Hop(kind: "router", name: namespace, state: "missing", passes: false)]
    }
    let device = inside.view.devices[own.name]
    var state = ["\(own.name) \(device.map { $0.up ? "up" : "down" } ?? "missing")"]
    if !router.adminStateUp { state.append("asked to be down") }
    let absent = own.addresses.filter { device?.addresses.contains($0) != true }
    if !absent.isEmpty { state.append("without \(absent.map(\.description).joined(separator: ", "))") }
    if let gateway = router.gateway {
      let up = inside.view.devices[gateway.device.name]?.up == true
      state.append("\(gateway.device.name) \(up ? "up" : "down or missing")")
      if gateway.enableSNAT, let source = gateway.sourceAddress { state.append("the source becomes \(source)") }
    } else {
      state.append("no gateway")
    }
    let count = inside.received[own.name]
    let hop = Hop(
      kind: "router", name: namespace, state: state.joined(separator: ", "),
      passes: device?.up == true && router.adminStateUp && absent.isEmpty, packets: count?.packets,
      bytes: count?.bytes)
    return [hop] + floating(router, inside)
  }

  private func floating(_ router: CheckedRouter, _ inside: Inside) -> [Hop] {
    let own = Set(port.fixedIPs.map(\.address))
    return router.floating.sorted { $0.key < $1.key }.filter { own.contains($0.value) }.map { outside, fixed in
      func count(_ set: String) -> RuleCounters.Count? {
        inside.counters.sets[set]?.first { $0.label == outside.description }
      }
      let (incoming, outgoing) = (count(RouterTable.countIn), count(RouterTable.countOut))
      let here = router.gateway.flatMap { inside.view.devices[$0.device.name] }
      let answers = here?.addresses.contains(InterfaceAddress(outside, prefix: 32)) == true
      let state = [
        "for \(fixed)", answers ? "answered by the router" : "not on the router's gateway",
        incoming.map { "\($0.packets) packets in" } ?? "not translated",
      ]
      return Hop(
        kind: "floating ip", name: outside.description, state: state.joined(separator: ", "),
        passes: answers && incoming != nil, packets: outgoing?.packets, bytes: outgoing?.bytes)
    }
  }
}
