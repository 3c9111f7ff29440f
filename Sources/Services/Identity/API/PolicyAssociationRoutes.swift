import API
import Auth
import Kit
import Store

/// Which policy is for which endpoints (OS-ENDPOINT-POLICY).
struct PolicyAssociationRoutes: Sendable {
  let core: IdentityCore

  private static let root = "/v3/policies/{policy_id}/OS-ENDPOINT-POLICY"

  var routes: [Route] {
    association(Self.root + "/endpoints/{endpoint_id}", "endpoint") { .endpoint(try $0.parameter("endpoint_id")) }
      + association(Self.root + "/services/{service_id}", "service") { .service(try $0.parameter("service_id")) }
      + association(Self.root + "/services/{service_id}/regions/{region_id}", "region_and_service") {
        .serviceInRegion(service: try $0.parameter("service_id"), region: try $0.parameter("region_id"))
      }
      + [
        Route(
          .get, Self.root + "/endpoints",
          .identity("list_endpoints_for_policy", IdentityPolicy.adminOrSystemReader), query: .list([])
        ) { try await endpoints($0) },
        Route(
          .get, "/v3/endpoints/{endpoint_id}/OS-ENDPOINT-POLICY/policy",
          .identity("get_policy_for_endpoint", IdentityPolicy.adminOrSystemReader), query: .unread
        ) { try await policy($0) },
      ]
  }

  /// Making, looking at and ending one kind of association.
  private func association(
    _ path: String, _ name: String, _ subject: @escaping @Sendable (Call) throws -> PolicySubject
  ) -> [Route] {
    [
      Route(
        .get, path, .identity("check_policy_association_for_" + name, IdentityPolicy.adminOrSystemReader),
        query: .unread
      ) { try await check($0, subject($0)) },
      Route(
        .put, path, .identity("create_policy_association_for_" + name, IdentityPolicy.admin), query: .unread
      ) { try await change($0, subject($0)) { try PolicyTable.associate($0, $1, $2) } },
      Route(
        .delete, path, .identity("delete_policy_association_for_" + name, IdentityPolicy.admin), query: .unread
      ) { try await change($0, subject($0)) { try PolicyTable.dissociate($0, $1, $2) } },
    ]
  }

  private func check(_ call: Call, _ subject: PolicySubject) async throws -> Reply {
    let id = try call.parameter("policy_id")
    try await core.store.read { tx in
      try Self.require(tx, id, subject)
      guard try PolicyTable.associated(tx, subject) == id else { throw Fault.notFound("There is no such association.") }
    }
    return .done
  }

  private func change(
    _ call: Call, _ subject: PolicySubject,
    _ body: @escaping @Sendable (Transaction, String, PolicySubject) throws -> Void
  ) async throws -> Reply {
    let id = try call.parameter("policy_id")
    try await core.store.write { tx in
      try Self.require(tx, id, subject)
      try body(tx, id, subject)
    }
    return .done
  }

  /// Throws `Fault` 404 where one of them is not there.
  private static func require(_ tx: Transaction, _ policy: String, _ subject: PolicySubject) throws {
    guard try PolicyTable.policy(tx, policy) != nil else { throw Fault.noSuch("policy", policy) }
    if let id = subject.endpointID, try CatalogTable.endpoint(tx, id) == nil { throw Fault.noSuch("endpoint", id) }
    if let id = subject.serviceID, try CatalogTable.service(tx, id) == nil { throw Fault.noSuch("service", id) }
    if let id = subject.regionID, try CatalogTable.region(tx, id) == nil { throw Fault.noSuch("region", id) }
  }

  private func endpoints(_ call: Call) async throws -> Reply {
    let id = try call.parameter("policy_id")
    return try await call.list(
      "endpoints", from: core.store,
      read: { tx, chunk in
        guard try PolicyTable.policy(tx, id) != nil else { throw Fault.noSuch("policy", id) }
        return try CatalogTable.endpoints(tx, [PolicyTable.endpoints(of: id)], chunk)
      }, id: \.id
    ) { $0.endpoint($1, call, base: core.baseURL) }
  }

  private func policy(_ call: Call) async throws -> Reply {
    let id = try call.parameter("endpoint_id")
    let found = try await core.store.read { tx in
      guard let endpoint = try CatalogTable.endpoint(tx, id) else { throw Fault.noSuch("endpoint", id) }
      return try PolicyTable.policy(tx, for: endpoint)
    }
    guard let found else { throw Fault.notFound("No policy is for endpoint \(id.quoted).") }
    return Reply.one(200, "policy") { $0.policy(found, call) }
  }
}
