import API
import Auth

/// What versions there are: open to everybody, with links as the client reached us.
enum DiscoveryRoutes {
  private static let version = APIVersion(
    id: "v3.14", status: "stable", path: "/v3/", updated: "2020-04-07T00:00:00Z",
    mediaType: "application/vnd.openstack.identity-v3+json")

  static var routes: [Route] {
    let discovery = Discovery(
      prefix: "identity", [version], style: .keystone, Permission("identity:discovery", .open))
    return [discovery.list(at: "/", status: 300), discovery.version(version, at: "/v3")]
  }
}
