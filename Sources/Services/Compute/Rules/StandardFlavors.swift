import Kit

/// The flavors a new cloud begins with.
enum StandardFlavors {
  static var all: [Flavor] {
    [
      make("42", "m1.nano", 1, 128, 1), make("84", "m1.micro", 1, 192, 1), make("1", "m1.tiny", 1, 512, 1),
      make("2", "m1.small", 1, 2048, 20), make("3", "m1.medium", 2, 4096, 40), make("4", "m1.large", 4, 8192, 80),
      make("5", "m1.xlarge", 8, 16384, 160),
    ]
  }

  private static func make(_ id: String, _ name: String, _ vcpus: Int, _ memoryMiB: Int, _ diskGiB: Int) -> Flavor {
    Flavor(
      id: id, number: 0, name: name, vcpus: vcpus, memoryMiB: memoryMiB, diskGiB: diskGiB, ephemeralGiB: 0,
      swapMiB: 0, rxtxFactor: 1, isPublic: true, description: nil, createdAt: .now())
  }
}
