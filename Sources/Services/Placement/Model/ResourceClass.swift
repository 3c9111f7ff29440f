import Contracts

/// What a host has so much of.
enum ResourceClass: String, Sendable, CaseIterable {
  case vcpu = "VCPU"
  case memory = "MEMORY_MB"
  case disk = "DISK_GB"
}

/// An amount of each class.
typealias Amounts = [ResourceClass: Int]

extension Resources {
  /// By class, those that are nothing left out.
  var amounts: Amounts {
    [.vcpu: vcpus, .memory: memoryMiB, .disk: diskGiB].filter { $0.value > 0 }
  }

  init(_ amounts: Amounts) {
    self.init(vcpus: amounts[.vcpu] ?? 0, memoryMiB: amounts[.memory] ?? 0, diskGiB: amounts[.disk] ?? 0)
  }
}
