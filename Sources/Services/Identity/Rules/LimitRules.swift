import API
import Kit
import Store

/// Making and changing limits.
enum LimitRules {
  /// A limit as it is asked for.
  struct Asked: Sendable {
    var id: String
    var serviceID: String
    var regionID: String?
    var resourceName: String
    /// A project or a domain.
    var ownerID: String
    /// Whether the request called it a domain.
    var calledDomain: Bool
    var resourceLimit: Int
    var description: String?
  }

  /// Stores new limits, all or none. Throws `Fault` 400 where a service, region, project or domain is not there, 403
  /// where the model does not allow it or no limit is registered, 409 where there is one already.
  static func create(_ tx: Transaction, _ asked: [Asked], _ model: LimitModel) throws -> [Limit] {
    let owned = try asked.map { asked in
      try checkReferences(tx, service: asked.serviceID, region: asked.regionID)
      return (asked, try owner(tx, asked))
    }
    let limits = try owned.map { asked, owner in
      let registered = try LimitTable.registered(
        tx, service: asked.serviceID, region: asked.regionID, resource: asked.resourceName)
      guard let registered else {
        throw Fault.forbidden("There is no registered limit for this resource of this service.")
      }
      return Limit(
        id: asked.id, registeredLimitID: registered.id, ownerID: asked.ownerID, ownerIsDomain: owner.isDomain,
        domainID: owner.domainID ?? owner.id, serviceID: asked.serviceID, regionID: asked.regionID,
        resourceName: asked.resourceName, resourceLimit: asked.resourceLimit, description: asked.description)
    }
    try check(tx, limits, model)
    for limit in limits { try LimitTable.insert(tx, limit) }
    return limits
  }

  private static func owner(_ tx: Transaction, _ asked: Asked) throws -> Project {
    guard let owner = try ProjectTable.find(tx, asked.ownerID), owner.isDomain || !asked.calledDomain else {
      throw Fault.badRequest("Could not find \(asked.calledDomain ? "domain" : "project"): \(asked.ownerID.quoted).")
    }
    return owner
  }

  /// A service or region that does not exist is the body's mistake. Throws `Fault` 400.
  static func checkReferences(_ tx: Transaction, service: String?, region: String?) throws {
    if let service, try CatalogTable.service(tx, service) == nil {
      throw Fault.badRequest("Could not find service: \(service.quoted).")
    }
    if let region, try CatalogTable.region(tx, region) == nil {
      throw Fault.badRequest("Could not find region: \(region.quoted).")
    }
  }

  /// Whether these limits may hold together with those that are stored, new values before old ones. Throws `Fault` 403.
  static func check(_ tx: Transaction, _ limits: [Limit], _ model: LimitModel) throws {
    guard model == .strictTwoLevel else { return }
    var asked: [Place: Int] = [:]
    for limit in limits { asked[Place(limit.registeredLimitID, limit.ownerID)] = limit.resourceLimit }
    for limit in limits {
      if limit.ownerIsDomain {
        let others = Set(asked.keys.filter { $0.registered == limit.registeredLimitID }.map(\.owner))
        let largest = try LimitTable.largest(
          tx, registered: limit.registeredLimitID, inDomain: limit.ownerID, except: others)
        if let largest { try require(largest, within: limit.resourceLimit, limit) }
      } else {
        let above =
          try asked[Place(limit.registeredLimitID, limit.domainID)]
          ?? LimitTable.value(tx, registered: limit.registeredLimitID, owner: limit.domainID)
          ?? LimitTable.registered(tx, limit.registeredLimitID)?.defaultLimit
        if let above { try require(limit.resourceLimit, within: above, limit) }
      }
    }
  }

  private struct Place: Hashable {
    let registered: String
    let owner: String
    init(_ registered: String, _ owner: String) {
      self.registered = registered
      self.owner = owner
    }
  }

  /// -1 is without limit: more than any number. (Keystone compares it as a number, which lets a project without limit
  /// stand below a domain that has one.)
  private static func require(_ value: Int, within above: Int, _ limit: Limit) throws {
    guard above < 0 || value >= 0 && value <= above else {
      throw Fault.forbidden(
        "The limit \(limit.resourceLimit) of \(limit.ownerID.quoted) for \(limit.resourceName.quoted) does not fit: "
          + "a project would have more than its domain.")
    }
  }
}
