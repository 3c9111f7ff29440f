import Auth
import Kit
import Store

/// The catalogue of one token: enabled services with the enabled endpoints that its project was given.
struct Catalogue: Sendable {
  /// Whose tokens share a catalogue, as the cloud's endpoints and filters are now.
  enum Sharing: Sendable {
    case everybody
    case project
    case userAndProject
  }

  var entries: [CatalogEntry] = []
  var sharing = Sharing.everybody
}

extension IdentityCore {
  /// The catalogue of a token. Endpoints whose URLs need what the token does not have are left out, as in Keystone;
  /// so are services without endpoints, but only where the project was given some.
  func catalogue(_ tx: Transaction, for principal: Principal) throws -> Catalogue {
    let given = try EndpointFilterTable.given(tx, project: principal.projectID)
    let all = try CatalogTable.catalog(tx)
    let isFiltered = all.contains { $0.endpoints.contains(where: given.holds) }
    var catalogue = Catalogue()
    if given.anywhere { catalogue.sharing = .project }
    if !isFiltered && !settings.returnsAllEndpointsIfNoFilter { return catalogue }
    for var entry in all where entry.enabled {
      entry.endpoints = entry.endpoints.filter(\.enabled).compactMap { endpoint in
        address(endpoint, for: principal, &catalogue.sharing)
      }
      if isFiltered {
        entry.endpoints.removeAll { !given.holds($0) }
        if entry.endpoints.isEmpty { continue }
      }
      catalogue.entries.append(entry)
    }
    return catalogue
  }

  /// The endpoint with its URL as the token's holder is to use it; nil where it cannot be made.
  private func address(
    _ endpoint: Endpoint, for principal: Principal, _ sharing: inout Catalogue.Sharing
  ) -> Endpoint? {
    guard let template = EndpointURL(endpoint.url(base: baseURL)) else { return nil }
    let names = template.names
    if names.contains(.userID) {
      sharing = .userAndProject
    } else if case .everybody = sharing, names.contains(where: \.isOfProject) {
      sharing = .project
    }
    let url = template.filled { name in
      switch name {
      case .tenantID, .projectID: principal.projectID
      case .userID: principal.userID
      case .publicEndpoint: baseURL + "/identity"
      case .computeHost: nil
      }
    }
    return url.map {
      var endpoint = endpoint
      endpoint.url = $0
      return endpoint
    }
  }

  /// The catalogue of a token as JSON, an array. Throws `StoreError`.
  func catalogJSON(for principal: Principal) async throws -> [UInt8] {
    let stamp = stamp
    if let stamp, let known = catalogues.find(for: principal, at: stamp) { return known }
    let catalogue = try await store.read { tx in try self.catalogue(tx, for: principal) }
    let json = catalogJSON(catalogue.entries)
    if let stamp { catalogues.keep(json, for: principal, catalogue.sharing, at: stamp) }
    return json
  }
}
