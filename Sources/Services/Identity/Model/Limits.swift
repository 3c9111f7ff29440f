/// What a project may have of a resource of a service where nothing else is said.
struct RegisteredLimit: Sendable {
  var id: String
  var serviceID: String
  /// nil is the service in every region.
  var regionID: String?
  var resourceName: String
  /// -1 is without limit.
  var defaultLimit: Int
  var description: String?

  static let limits = -1...0x7FFF_FFFF
}

/// What one project, or one domain, may have instead.
struct Limit: Sendable {
  var id: String
  var registeredLimitID: String
  /// The project or domain.
  var ownerID: String
  var ownerIsDomain: Bool
  /// The project's domain; a domain is its own.
  var domainID: String
  var serviceID: String
  var regionID: String?
  var resourceName: String
  /// -1 is without limit.
  var resourceLimit: Int
  var description: String?
}
