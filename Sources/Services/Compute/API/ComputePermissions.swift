import Auth

/// Who may do what, by the names of Nova's policies.
enum ComputePermissions {
  static let open = Permission("os_compute_api:discovery", .open)
  static let createRequestedDestination = Permission("compute:servers:create:requested_destination", .admin)
  static let allTenants = Permission("os_compute_api:servers:index:get_all_tenants", .admin)

  static func read(_ name: String) -> Permission { Permission("os_compute_api:\(name)", .projectReader) }
  static func write(_ name: String) -> Permission { Permission("os_compute_api:\(name)", .projectMember) }
  static func admin(_ name: String) -> Permission { Permission("os_compute_api:\(name)", .admin) }
  static func system(_ name: String) -> Permission { Permission("os_compute_api:\(name)", .systemReader) }
}
