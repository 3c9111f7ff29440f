import Contracts
import Foundation
import Kit
import Logging
import NodeLink
import Store
import StoreFixture
import Testing

@testable import Cloud

/// Each invariant is broken on purpose, and named; a cloud that lives breaks none.
struct InvariantTests {
  /// What breaks an invariant, in SQL. `SERVER`, `PORT` … stand for the town's own.
  private static let damages: [(invariant: String, sql: [String])] = [
    ("store.identity", ["UPDATE cloud SET epoch = 0"]),
    ("store.feed", ["UPDATE manifest SET generation = 1000000 WHERE object_id = 'SERVER'"]),
    (
      "store.generations",
      ["UPDATE manifest SET generation = (SELECT max(generation) FROM manifest) WHERE object_id = 'NETWORK'"]
    ),
    ("nodelink.hosts", ["DELETE FROM node"]),
    ("nodelink.specs", ["UPDATE manifest SET spec = '{}' WHERE object_id = 'SERVER'"]),
    ("nodelink.facts", ["UPDATE node SET facts = 'x'"]),
    ("converge.leases", ["INSERT INTO lease (name, holder, fence, beat) VALUES ('x', '', 0, 0)"]),
    ("identity.domains", ["UPDATE identity_project SET is_domain = 0 WHERE id = 'default'"]),
    ("identity.administrators", ["UPDATE identity_user SET enabled = 0"]),
    ("identity.projects", ["UPDATE identity_project SET extra = '{' WHERE name = 'demo'"]),
    ("identity.users", ["UPDATE identity_user SET options = 'x'"]),
    (
      "identity.groups",
      [
        """
        INSERT INTO identity_group (id, domain_id, name, description, extra) VALUES ('g', 'default', 'g', '', '[')
        """
      ]
    ),
    (
      "identity.endpoint_groups",
      ["INSERT INTO identity_endpoint_group (id, name, description, filters) VALUES ('g', 'g', NULL, 'x')"]
    ),
    (
      "identity.policies", ["INSERT INTO identity_policy (id, type, rules, extra) VALUES ('p', 't', 'r', 'x')"]
    ),
    (
      "identity.trusts",
      [
        """
        INSERT INTO identity_trust (id, trustor_user_id, trustee_user_id, impersonation, expires_at, redelegation_count,
          extra) SELECT 'whole', min(u.id), min(u.id), 0, 1000, 1, '{}' FROM identity_user u
        """,
        """
        INSERT INTO identity_trust (id, trustor_user_id, trustee_user_id, impersonation, expires_at, redelegation_count,
          redelegated_trust_id, extra)
          SELECT 'part', min(u.id), min(u.id), 0, 1001, 0, 'whole', '{}' FROM identity_user u
        """,
      ]
    ),
    (
      "identity.credentials",
      [
        """
        INSERT INTO identity_credential (id, user_id, type, sealed, sealed_by, extra)
          SELECT 'c', min(u.id), 'cert', '', '', 'x' FROM identity_user u
        """
      ]
    ),
    ("identity.roles", ["UPDATE identity_role SET extra = 'x' WHERE name = 'admin'"]),
    ("images.bytes", ["UPDATE image SET status = 'queued' WHERE id = 'IMAGE'"]),
    ("images.pins", ["UPDATE blob_pin SET holder = ''"]),
    ("images.blobs", ["UPDATE blob SET size = -1"]),
    ("placement.allocations", ["UPDATE allocation SET used = 0"]),
    ("placement.inventories", ["UPDATE inventory SET total = -1"]),
    ("networks.addresses", ["UPDATE port_address SET network_id = 'elsewhere' WHERE port_id = 'PORT'"]),
    ("networks.subnets", ["UPDATE subnet SET cidr = '192.0.2.0/24' WHERE id = 'SUBNET'"]),
    ("networks.floating_ports", ["UPDATE floating_ip SET address = '198.18.0.1'"]),
    ("networks.floating_targets", ["UPDATE floating_ip SET fixed_address = '10.7.0.250'"]),
    ("networks.gateways", ["UPDATE port SET device_id = 'x' WHERE device_owner = 'network:router_gateway'"]),
    ("networks.router_ports", ["UPDATE port SET device_id = 'x' WHERE device_owner = 'network:router_interface'"]),
    ("networks.tags", ["INSERT INTO network_tag (resource_id, tag) VALUES ('nobody', 'x')"]),
    (
      "networks.manifest",
      ["UPDATE manifest SET object_id = 'nobody' WHERE kind = 'network' AND object_id = 'NETWORK'"]
    ),
    ("networks.ports", ["DELETE FROM manifest WHERE object_id = 'PORT'"]),
    ("networks.subnet_documents", ["UPDATE subnet SET host_routes = 'x'"]),
    ("networks.port_documents", ["UPDATE port SET dhcp_options = 'x' WHERE id = 'PORT'"]),
    ("networks.router_documents", ["UPDATE router SET routes = '[,]'"]),
    ("compute.claims", ["UPDATE allocation SET used = used + 1 WHERE class = 'VCPU'"]),
    ("compute.claims", ["DELETE FROM allocation", "DELETE FROM consumer"]),
    ("compute.pins", ["DELETE FROM blob_pin"]),
    ("compute.ports", ["UPDATE port SET server_id = 'nobody' WHERE id = 'PORT'"]),
    ("compute.manifest", ["DELETE FROM manifest WHERE object_id = 'SERVER'"]),
    ("compute.departures", ["UPDATE server_card SET detaching = 1"]),
    ("compute.strangers", ["UPDATE manifest SET object_id = 'nobody' WHERE object_id = 'SERVER'"]),
    (
      "compute.slots",
      ["INSERT INTO server_card (server_id, port_id, slot) SELECT server_id, 'other', slot FROM server_card"]
    ),
    (
      "compute.sagas",
      [
        """
        INSERT INTO saga (id, kind, subject, request_id, state, step, input, began, elapsed_ms, attempts, retry_at_ms)
        VALUES ('s', 'compute.attach', 'nobody', 'r', 'forward', 0, '{}', 0, 0, 0, 0)
        """
      ]
    ),
    (
      "compute.saga_documents",
      [
        """
        INSERT INTO saga (id, kind, subject, request_id, state, step, input, began, elapsed_ms, attempts, retry_at_ms)
        VALUES ('s', 'compute.attach', 'nobody', 'r', 'done', 0, '{', 0, 0, 0, 0)
        """
      ]
    ),
    ("compute.actions", ["UPDATE server SET action = 'reboot', action_request_id = 'nobody'"]),
    ("compute.faults", ["UPDATE server SET status = 'ERROR', fault_message = NULL"]),
    ("compute.quotas", ["INSERT INTO compute_quota (project_id, resource, hard_limit) VALUES ('p', 'cores', -2)"]),
    ("compute.documents", ["UPDATE server SET metadata = '{'"]),
    ("explain.requests", ["INSERT INTO request_subject (object_id, number, made) VALUES ('x', 1000000, 0)"]),
  ]

  private struct Undo: Error {}

  /// What is broken after `sql`, which is taken back.
  private static func broken(
    _ store: any Store, _ check: InvariantCheck, after sql: [String]
  ) async throws -> [InvariantCheck.Broken] {
    let (found, box) = AsyncStream.makeStream(of: [InvariantCheck.Broken].self)
    do {
      try await store.write { tx in
        for statement in sql { try tx.execute(SQL(raw: statement)) }
        box.yield(try check.run(tx).broken)
        throw Undo()
      }
    } catch is Undo {}
    box.finish()
    for await broken in found { return broken }
    return []
  }

  @Test(arguments: StoreEngineKind.allCases) func eachBrokenInvariantIsNamed(_ engine: StoreEngineKind) async throws {
    let town = try await StoriesTests.Town(engine)
    for _ in 0..<2 { try await StoriesTests.settle(town.cloud) }
    let check = InvariantCheck(town.cloud.services)
    let store = town.cloud.services.store
    let sound = try await store.read { try check.run($0) }
    #expect(sound.broken.isEmpty, "\(sound.text)")
    #expect(sound.count > 40)
    var named: Set<String> = []
    for (invariant, sql) in Self.damages {
      let damage = sql.map { statement in
        town.ids.reduce(statement) { $0.replacing($1.key.uppercased(), with: $1.value) }
      }
      let broken = try await Self.broken(store, check, after: damage)
      let found = try #require(
        broken.first { $0.invariant.name == invariant }, "\(invariant) is not seen after \(damage)")
      #expect(!found.subjects.isEmpty && found.subjects.allSatisfy { !$0.isEmpty })
      #expect(!found.invariant.repair.isEmpty && found.invariant.sentence.hasSuffix("."))
      named.insert(invariant)
    }
    // Two cannot be broken by what a store lets happen: its own constraints are in front of them.
    let guarded: Set = ["store.references", "identity.actors"]
    #expect(Set(check.invariants.map(\.name)).subtracting(named) == guarded)
    #expect(try await store.read { try check.run($0) }.broken.isEmpty)
  }

  /// What the engine's own constraint would have refused, done by a hand that had switched it off.
  @Test func aDanglingReferenceIsNamed() async throws {
    let town = try await StoriesTests.Town(.sqlite)
    let path = town.cloud.fixture.state.store
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/sqlite3")
    process.arguments = [path, "PRAGMA foreign_keys=OFF; DELETE FROM security_group;"]
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    let report = try await InvariantCheck.run(state: town.cloud.fixture.state)
    let found = try #require(report.broken.first { $0.invariant.name == "store.references" }, "\(report.text)")
    #expect(found.subjects.contains { $0.hasPrefix("port_security_group.group_id ") })
    #expect(report.text.contains("store.references: broken."))
  }

  @Test func missingAndShortenedImageBytesAreNamed() async throws {
    let town = try await StoriesTests.Town(.sqlite)
    let state = town.cloud.fixture.state
    #expect(try await InvariantCheck.run(state: state).broken.isEmpty)
    let folder = state.images + "/blobs"
    let file = try #require(try FileManager.default.contentsOfDirectory(atPath: folder).first)
    truncate(folder + "/" + file, 10)
    for words in ["10 bytes instead of 4096", "is missing"] {
      let report = try await InvariantCheck.run(state: state)
      #expect(report.broken.map(\.invariant.name) == ["images.files"])
      #expect(report.text.contains(words))
      try? FileManager.default.removeItem(atPath: folder + "/" + file)
    }
  }
}
