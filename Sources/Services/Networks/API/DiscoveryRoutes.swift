import API
import Auth
import Kit

/// Versions, resources and extensions: what is built, and nothing else.
struct DiscoveryRoutes: Sendable {
  struct Extension: Sendable {
    var alias: String
    var name: String
  }

  static let extensions: [Extension] = [
    ("agent", "agent"), ("allowed-address-pairs", "Allowed Address Pairs"),
    ("availability_zone", "Availability Zone"), ("binding", "Port Binding"),
    ("empty-string-filtering", "Empty String Filtering Extension"),
    ("ext-gw-mode", "Configurable external gateway mode"),
    ("external-net", "Neutron external network"), ("extra_dhcp_opt", "Extra DHCP options"),
    ("extraroute", "Extra Route"), ("extraroute-atomic", "Atomically add/remove extra routes"),
    ("filter-validation", "Filter parameters validation"),
    ("fip-port-details", "Floating IP Port Details Extension"), ("ip-substring-filtering", "IP address substring"),
    ("net-mtu", "Network MTU"), ("net-mtu-writable", "Network MTU (writable)"),
    ("network_availability_zone", "Network Availability Zone"), ("pagination", "Pagination support"),
    ("port-security", "Port Security"), ("project-id", "project_id field"),
    ("provider", "Provider Network"), ("quota_details", "Quota details management support"),
    ("quotas", "Quota management support"), ("revision-if-match", "If-Match constraints based on revision_number"),
    ("router", "Neutron L3 Router"), ("router_availability_zone", "Router Availability Zone"),
    ("security-group", "security-group"), ("security-groups-normalized-cidr", "Normalized CIDR field"),
    ("sorting", "Sorting support"),
    ("standard-attr-description", "standard-attr-description"),
    ("standard-attr-revisions", "Resource revision numbers"),
    ("standard-attr-tag", "Tag support for resources with standard attribute"),
    ("standard-attr-timestamp", "Resource timestamps"), ("stateful-security-group", "Stateful security group"),
  ].map { Extension(alias: $0.0, name: $0.1) }

  static let resources = [
    ("network", "networks"), ("subnet", "subnets"), ("port", "ports"), ("router", "routers"),
    ("floatingip", "floatingips"), ("security_group", "security-groups"),
    ("security_group_rule", "security-group-rules"), ("quota", "quotas"), ("agent", "agents"),
    ("availability_zone", "availability_zones"), ("extension", "extensions"),
  ]

  var routes: [Route] {
    let open = Permission("discovery", .open)
    return [
      Discovery(prefix: "network", [APIVersion(id: "v2.0", status: "CURRENT", path: "/v2.0/")], open)
        .list(at: "/", status: 200),
      Route(.get, "/v2.0", open, query: .unread, listResources),
      Route(.get, "/v2.0/extensions", open, query: .unread, list),
      Route(.get, "/v2.0/extensions.json", open, query: .unread, list),
      Route(.get, "/v2.0/extensions/{alias}", open, query: .unread, show),
    ]
  }

  private func listResources(_ call: Call) async throws -> Reply {
    .json { json in
      json.field("resources", Self.resources) { json, resource in
        json.object {
          $0.field("name", resource.0)
          $0.field("collection", resource.1.replacing("-", with: "_"))
          $0.field("links", ["self"]) { json, rel in
            json.object {
              $0.field("rel", rel)
              $0.field("href", "\(call.baseURL)/network/v2.0/\(resource.1)")
            }
          }
        }
      }
    }
  }

  private static func write(_ json: inout JSONWriter, _ one: Extension) {
    json.object {
      $0.field("alias", one.alias)
      $0.field("name", one.name)
      $0.field("description", one.name)
      $0.field("updated", "2026-01-01T00:00:00-00:00")
      $0.field("links", [])
    }
  }

  private func list(_ call: Call) async throws -> Reply {
    .json { json in json.field("extensions", Self.extensions) { Self.write(&$0, $1) } }
  }

  private func show(_ call: Call) async throws -> Reply {
    let alias = try call.resourceID("alias")
    guard let one = Self.extensions.first(where: { $0.alias == alias }) else {
      throw Fault.notFound("Extension with alias \(alias.quoted) does not exist", type: "ExtensionNotFound")
    }
    return .json { json in
      json.key("extension")
      Self.write(&json, one)
    }
  }
}
