import NodeLink

/// Where each device of a guest sits on PCI bus 0. Fixed, so that names inside the guest survive whatever is added.
enum PCISlots {
  /// 0 and 1 belong to the machine (i440FX, PIIX).
  static let video = 2
  /// Network cards: `ServerSpec.NIC.slot`. The first card is `ens3` to a guest with predictable names.
  static let cards = ServerSpec.NIC.slots
  /// Below every later volume, so that the root is always the guest's first disk.
  static let rootDisk = 16
  /// Kept for volumes.
  static let volumes = 17...26
  /// Above every volume, so that it takes no volume's letter.
  static let configDrive = 27
  static let serial = 28
  static let random = 29
  static let balloon = 30

  static func address(_ slot: Int) -> Markup {
    Markup(
      "address",
      ["type": "pci", "domain": "0x0000", "bus": "0x00", "slot": "0x" + String(slot, radix: 16), "function": "0x0"])
  }
}
