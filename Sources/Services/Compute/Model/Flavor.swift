import Kit

/// A size of server.
struct Flavor: Sendable {
  var id: String
  /// Only for sorting by `id` as Nova does.
  var number: Int
  var name: String
  var vcpus: Int
  var memoryMiB: Int
  var diskGiB: Int
  var ephemeralGiB: Int
  var swapMiB: Int
  var rxtxFactor: Double
  var isPublic: Bool
  var description: String?
  var createdAt: Timestamp
  /// Filled in where it is asked for.
  var extraSpecs: [String: String] = [:]
}
