/// How much of one class a provider has, and how much of it is taken.
struct Inventory: Sendable, Hashable {
  var total: Int
  /// Kept for the host itself.
  var reserved: Int
  /// How many times over the rest is given out.
  var allocationRatio: Double
  var used = 0

  /// How much may be given out.
  var capacity: Int { Int(Double(max(total - reserved, 0)) * allocationRatio) }

  var free: Int { max(capacity - used, 0) }

  /// The most that one claim can take.
  var room: Int { min(free, total) }

  /// Whether `amount` more may be given out. One claim never takes more than the host really has.
  func fits(_ amount: Int) -> Bool { amount <= room }
}
