import Drivers
import Kit

/// Writes a domain's definition.
struct DomainXML: Sendable {
  static let metadataNamespace = "https://haneul.cloud/xmlns/domain/1"
  static let metadataPrefix = "haneul"
  static let metadataElement = "haneul:server"
  /// libvirt lets users name devices that begin with `ua-`; the port's id makes a card known in the live XML.
  static let portAliasPrefix = "ua-port-"
  /// TCG's buffer of translated code: QEMU would take up to 1 GiB a guest.
  static let translationCacheMiB = 16

  let tag: CloudTag
  let accelerator: Accelerator
  let user: QEMUUser

  /// - Parameter name: libvirt's name for it; our own for the server where none is given.
  func domain(_ spec: DomainSpec, name: String? = nil) throws -> String {
    try check(spec)
    return Markup(
      "domain", ["type": accelerator.rawValue],
      [
        Markup("name", text: name ?? tag.domain(spec.serverID)),
        Markup("uuid", text: spec.serverID),
        metadata(spec),
        Markup("memory", ["unit": "MiB"], text: String(spec.memoryMiB)),
        Markup("vcpu", ["placement": "static"], text: String(spec.vcpus)),
        Markup(
          "os", [:],
          [
            Markup("type", ["arch": "x86_64", "machine": "pc"], text: "hvm"), Markup("boot", ["dev": "hd"]),
            Markup("smbios", ["mode": "sysinfo"]),
          ]),
        systemInformation(spec), features, processor, clock,
        Markup("on_poweroff", text: "destroy"), Markup("on_reboot", text: "restart"),
        Markup("on_crash", text: "destroy"),
        Markup("devices", [:], disks(spec) + spec.cards.map(card) + consoles(spec) + others),
        // Our own files already have the right owner: libvirt is to change none.
        Markup(
          "seclabel", ["type": "static", "model": "dac", "relabel": "no"],
          [Markup("label", text: "+\(user.uid):+\(user.gid)")]),
      ]
    ).xml
  }

  /// One network card on a tap that the dataplane made, and whose link it alone brings up.
  func card(_ card: DomainSpec.Card) -> Markup {
    Markup(
      "interface", ["type": "ethernet"],
      [
        Markup("mac", ["address": Self.mac(card)]), Markup("target", ["dev": card.tap, "managed": "no"]),
        Markup("model", ["type": "virtio"]), Markup("mtu", ["size": String(card.mtu)]),
        Markup("rom", ["enabled": "no"]), Markup("alias", ["name": Self.portAliasPrefix + card.portID]),
        PCISlots.address(card.slot),
      ])
  }

  /// The address as libvirt writes it.
  private static func mac(_ card: DomainSpec.Card) -> String { MACAddress(card.mac)?.description ?? card.mac }

  /// What a domain that this writer described reads back as.
  func definition(_ spec: DomainSpec) -> DomainDefinition {
    DomainDefinition(
      name: tag.domain(spec.serverID), persistent: true, vcpus: spec.vcpus, memoryMiB: spec.memoryMiB,
      overlayPath: spec.rootDisk.overlayPath, basePath: spec.rootDisk.basePath,
      cards: CardText.lines(spec.cards.map { CardText(tap: $0.tap, mac: Self.mac($0), slot: $0.slot) }))
  }

  func check(_ card: DomainSpec.Card) throws {
    func refuse(_ reason: String) -> HypervisorError { .badSpec(reason: reason) }
    guard Identifier.isUUID(card.portID) else { throw refuse("a port's id is no UUID") }
    guard PCISlots.cards.contains(card.slot) else {
      throw refuse("slot \(card.slot) of port \(card.portID) is not in \(PCISlots.cards)")
    }
    guard let mac = MACAddress(card.mac), !mac.isMulticast else { throw refuse("\(card.mac) is no MAC address") }
    guard (1...15).contains(card.tap.utf8.count), card.tap.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != 0x2f })
    else { throw refuse("the tap's name is no interface name") }
    guard (68...65_535).contains(card.mtu) else { throw refuse("an MTU of \(card.mtu) is out of range") }
  }

  private func check(_ spec: DomainSpec) throws {
    guard Identifier.isUUID(spec.serverID) else { throw HypervisorError.badSpec(reason: "the id is no UUID") }
    guard (1...512).contains(spec.vcpus), spec.memoryMiB > 0 else {
      throw HypervisorError.badSpec(reason: "\(spec.vcpus) vCPUs with \(spec.memoryMiB) MiB cannot be")
    }
    guard ["qcow2", "raw"].contains(spec.rootDisk.baseFormat) else {
      throw HypervisorError.badSpec(reason: "a base of format \(spec.rootDisk.baseFormat) is not supported")
    }
    for card in spec.cards { try check(card) }
    guard Set(spec.cards.map(\.slot)).count == spec.cards.count else {
      throw HypervisorError.badSpec(reason: "two cards have the same PCI slot")
    }
  }

  private func metadata(_ spec: DomainSpec) -> Markup {
    let prefix = Self.metadataPrefix
    let element = Markup(
      Self.metadataElement,
      [
        "xmlns:" + prefix: Self.metadataNamespace, "cloud": tag.text, "boot-epoch": String(spec.bootEpoch),
      ],
      [Markup(prefix + ":name", text: spec.displayName), Markup(prefix + ":project", text: spec.projectID)])
    return Markup("metadata", [:], [element])
  }

  /// The same element as libvirt takes it by itself: it adds the prefix.
  func mark(_ spec: DomainSpec) -> Markup {
    Markup(
      "server", ["cloud": tag.text, "boot-epoch": String(spec.bootEpoch)],
      [Markup("name", text: spec.displayName), Markup("project", text: spec.projectID)])
  }

  /// cloud-init knows an OpenStack guest by the product's name.
  private func systemInformation(_ spec: DomainSpec) -> Markup {
    let entries = [
      ("manufacturer", "Haneul"), ("product", "OpenStack Nova"), ("serial", spec.serverID), ("uuid", spec.serverID),
      ("family", "Virtual Machine"),
    ]
    let system = Markup("system", [:], entries.map { Markup("entry", ["name": $0.0], text: $0.1) })
    return Markup("sysinfo", ["type": "smbios"], [system])
  }

  private var features: Markup {
    let cache = Markup("tcg", [:], [Markup("tb-cache", ["unit": "MiB"], text: String(Self.translationCacheMiB))])
    return Markup("features", [:], [Markup("acpi"), Markup("apic")] + (accelerator == .qemu ? [cache] : []))
  }

  private var processor: Markup {
    switch accelerator {
    case .qemu: Markup("cpu", ["mode": "maximum"])
    case .kvm: Markup("cpu", ["mode": "host-model", "check": "partial"])
    }
  }

  private var clock: Markup {
    Markup(
      "clock", ["offset": "utc"],
      [
        Markup("timer", ["name": "rtc", "tickpolicy": "catchup"]),
        Markup("timer", ["name": "pit", "tickpolicy": "delay"]), Markup("timer", ["name": "hpet", "present": "no"]),
      ])
  }

  private func disks(_ spec: DomainSpec) -> [Markup] {
    // The whole chain is written out with its formats, and closed, so that no byte a guest wrote is ever probed.
    let base = Markup(
      "backingStore", ["type": "file"],
      [
        Markup("format", ["type": spec.rootDisk.baseFormat]), Markup("source", ["file": spec.rootDisk.basePath]),
        Markup("backingStore"),
      ])
    let root = Markup(
      "disk", ["type": "file", "device": "disk"],
      [
        Markup("driver", ["name": "qemu", "type": "qcow2", "discard": "unmap"]),
        Markup("source", ["file": spec.rootDisk.overlayPath]), base,
        Markup("target", ["dev": "vda", "bus": "virtio"]), Markup("serial", text: "root"),
        PCISlots.address(PCISlots.rootDisk),
      ])
    guard let path = spec.configDrivePath else { return [root] }
    let configDrive = Markup(
      "disk", ["type": "file", "device": "disk"],
      [
        Markup("driver", ["name": "qemu", "type": "raw"]), Markup("source", ["file": path]),
        Markup("backingStore"), Markup("target", ["dev": "vdz", "bus": "virtio"]), Markup("readonly"),
        Markup("serial", text: "config-2"), PCISlots.address(PCISlots.configDrive),
      ])
    return [root, configDrive]
  }

  private func consoles(_ spec: DomainSpec) -> [Markup] {
    let log = Markup("log", ["file": spec.consoleLogPath, "append": "on"])
    return [
      Markup("serial", ["type": "pty"], [log, Markup("target", ["port": "0"])]),
      Markup("console", ["type": "pty"], [log, Markup("target", ["type": "serial", "port": "0"])]),
      Markup("channel", ["type": "unix"], [Markup("target", ["type": "virtio", "name": "org.qemu.guest_agent.0"])]),
      Markup("graphics", ["type": "vnc", "port": "-1", "autoport": "yes", "listen": "127.0.0.1"]),
    ]
  }

  private var others: [Markup] {
    [
      Markup("controller", ["type": "usb", "model": "none"]),
      Markup("controller", ["type": "virtio-serial", "index": "0"], [PCISlots.address(PCISlots.serial)]),
      Markup("video", [:], [Markup("model", ["type": "vga", "vram": "16384"]), PCISlots.address(PCISlots.video)]),
      Markup(
        "rng", ["model": "virtio"],
        [Markup("backend", ["model": "random"], text: "/dev/urandom"), PCISlots.address(PCISlots.random)]),
      Markup(
        "memballoon", ["model": "virtio"], [Markup("stats", ["period": "10"]), PCISlots.address(PCISlots.balloon)]),
    ]
  }
}
