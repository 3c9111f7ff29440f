import API
import Kit

extension JSONWriter {
  /// The members of a provider.
  mutating func providerFields(_ provider: ResourceProvider, _ version: Microversion) {
    field("uuid", provider.uuid)
    field("name", provider.name)
    field("generation", provider.generation)
    if version >= Microversion(1, 14) {
      field("parent_provider_uuid", String?.none)
      field("root_provider_uuid", provider.uuid)
    }
    let address = "/placement/resource_providers/\(provider.uuid)"
    var links = [("self", address), ("inventories", address + "/inventories"), ("usages", address + "/usages")]
    for (relation, since) in [("aggregates", 1), ("traits", 6), ("allocations", 11)]
    where version >= Microversion(1, since) {
      links.append((relation, address + "/" + relation))
    }
    field("links", links) { json, link in
      json.object {
        $0.field("rel", link.0)
        $0.field("href", link.1)
      }
    }
  }

  /// The members of an inventory.
  mutating func inventoryFields(_ inventory: Inventory) {
    field("total", inventory.total)
    field("reserved", inventory.reserved)
    field("min_unit", 1)
    field("max_unit", inventory.total)
    field("step_size", 1)
    key("allocation_ratio")
    value(inventory.allocationRatio)
  }

  /// `"resources": {"VCPU": 1, …}`.
  mutating func resources(_ allocations: [Allocation]) {
    field("resources") { json in
      for allocation in allocations { json.field(allocation.resourceClass.rawValue, allocation.used) }
    }
  }

  mutating func resources(_ amounts: Amounts) {
    field("resources") { json in
      for (resource, amount) in amounts.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
        json.field(resource.rawValue, amount)
      }
    }
  }
}

extension ResourceProvider {
  /// Its inventories by name of class.
  var byClass: [(resource: ResourceClass, inventory: Inventory)] {
    inventories.sorted { $0.key.rawValue < $1.key.rawValue }.map { ($0.key, $0.value) }
  }
}

extension [Allocation] {
  /// In groups of the same provider or consumer, by its id.
  func grouped(by key: KeyPath<Allocation, String>) -> [(key: String, allocations: [Allocation])] {
    Dictionary(grouping: self) { $0[keyPath: key] }.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }
}
