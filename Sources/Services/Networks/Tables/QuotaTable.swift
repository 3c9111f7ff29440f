import API
import Kit
import Store

/// Limits of a project: how many of each resource.
enum QuotaTable {
  /// Resource → limit where nothing else was set, in the order they are said. -1 is none.
  static let defaults: [(resource: String, limit: Int)] = [
    ("network", 100), ("subnet", 100), ("port", 500), ("router", 10), ("floatingip", 50), ("security_group", 10),
    ("security_group_rule", 100),
  ]
  /// A quota's resource → its table.
  static func table(_ resource: String) -> String { resource == "floatingip" ? FloatingIP.kind : resource }

  static func limits(_ tx: Transaction, projectID: String) throws -> [String: Int] {
    var limits = Dictionary(defaults.map { ($0.resource, $0.limit) }, uniquingKeysWith: { $1 })
    try tx.forEach("SELECT resource, quota FROM network_quota WHERE project_id = \(projectID)") {
      limits[$0.text(0)] = $0.int(1)
    }
    return limits
  }

  static func used(_ tx: Transaction, _ resource: String, projectID: String) throws -> Int {
    try tx.count("SELECT count(*) FROM \(raw: table(resource)) WHERE project_id = \(projectID)")
  }
}

extension StoredResource {
  static var hasQuota: Bool { QuotaTable.defaults.contains { $0.resource == singular } }
}

extension Change {
  /// Counts what the project has, this transaction's included. Throws `Fault` 409 where it is too much.
  func checkQuota<R: StoredResource>(_ type: R.Type, projectID: String) throws {
    let limit = try QuotaTable.limits(tx, projectID: projectID)[type.singular] ?? -1
    guard limit >= 0, try QuotaTable.used(tx, type.singular, projectID: projectID) > limit else { return }
    throw Fault.conflict("Quota exceeded for resources: ['\(type.singular)'].", type: "OverQuota")
  }
}
