import API

/// What versions there are: `GET /compute` and `GET /compute/v2.1`.
struct DiscoveryRoutes {
  let versions: MicroversionRange

  var routes: [Route] {
    let version = APIVersion(
      id: "v2.1", status: "CURRENT", path: "/v2.1/", updated: "2013-07-23T11:33:21Z", microversions: versions,
      mediaType: "application/vnd.openstack.compute+json;version=2.1")
    let discovery = Discovery(prefix: "compute", [version], ComputePermissions.open)
    return [discovery.list(at: "/", status: 200), discovery.version(version, at: "/v2.1")]
  }
}
