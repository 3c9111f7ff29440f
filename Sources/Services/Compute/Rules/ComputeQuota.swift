import API
import Store

/// How much a project may have. Use is counted from the servers themselves, in the transaction that adds one.
enum ComputeQuota {
  /// Every resource in the order answers list them, with its limit where nobody set another.
  static let standard: [(name: String, limit: Int)] = [
    ("cores", 20), ("fixed_ips", -1), ("floating_ips", -1), ("injected_file_content_bytes", 10240),
    ("injected_file_path_bytes", 255), ("injected_files", 5), ("instances", 10), ("key_pairs", 100),
    ("metadata_items", 128), ("ram", 51200), ("security_group_rules", -1), ("security_groups", -1),
    ("server_group_members", 10), ("server_groups", 10),
  ]

  /// The last microversion 2.x that has a resource, of those that went.
  static let last: [String: Int] = [
    "fixed_ips": 35, "floating_ips": 35, "security_group_rules": 35, "security_groups": 35, "injected_files": 56,
    "injected_file_content_bytes": 56, "injected_file_path_bytes": 56,
  ]

  struct Use: Sendable {
    var instances = 0
    var cores = 0
    var ramMiB = 0

    subscript(resource: String) -> Int {
      switch resource {
      case "instances": instances
      case "cores": cores
      case "ram": ramMiB
      default: 0
      }
    }
  }

  static func limits(_ tx: Transaction, project: String) throws -> [String: Int] {
    var limits = Dictionary(standard.map { ($0.name, $0.limit) }, uniquingKeysWith: { $1 })
    try tx.forEach("SELECT resource, hard_limit FROM compute_quota WHERE project_id = \(project)") {
      limits[$0.text(0)] = $0.int(1)
    }
    return limits
  }

  static func use(_ tx: Transaction, project: String) throws -> Use {
    try tx.first(
      """
      SELECT count(*), COALESCE(sum(vcpus), 0), COALESCE(sum(memory_mib), 0) FROM server
      WHERE project_id = \(project)
      """
    ) { Use(instances: $0.int(0), cores: $0.int(1), ramMiB: $0.int(2)) } ?? Use()
  }

  /// How many servers of `flavor` may be added, between `minimum` and `maximum`. Throws `Fault` 403 below `minimum`.
  static func admit(
    _ tx: Transaction, project: String, flavor: Flavor, minimum: Int, maximum: Int
  ) throws -> Int {
    let limits = try limits(tx, project: project)
    let needs = [("instances", 1), ("cores", flavor.vcpus), ("ram", flavor.memoryMiB)]
    // Where nothing bounds the project nobody counts what it has.
    if needs.allSatisfy({ limits[$0.0] ?? -1 < 0 || $0.1 == 0 }) { return maximum }
    let use = try use(tx, project: project)
    var count = maximum
    for (resource, each) in needs {
      guard let limit = limits[resource], limit >= 0, each > 0 else { continue }
      count = min(count, max(0, limit - use[resource]) / each)
    }
    guard count >= minimum else { throw over(needs, minimum, limits, use) }
    return count
  }

  private static func over(
    _ needs: [(String, Int)], _ count: Int, _ limits: [String: Int], _ use: Use
  ) -> Fault {
    let exceeded = needs.filter { name, each in
      guard let limit = limits[name], limit >= 0 else { return false }
      return use[name] + each * count > limit
    }
    let parts = exceeded.map { name, each in
      "\(name): requested \(each * count), used \(use[name]) of \(limits[name] ?? 0)"
    }
    return .forbidden("Quota exceeded for \(parts.joined(separator: "; ")).")
  }

  /// Throws `Fault` 403 where a server would carry too many metadata items.
  static func checkMetadata(_ tx: Transaction, project: String, count: Int) throws {
    let limit = try limits(tx, project: project)["metadata_items"] ?? -1
    if limit >= 0, count > limit {
      throw Fault.forbidden("Maximum number of metadata items exceeds \(limit).")
    }
  }
}
