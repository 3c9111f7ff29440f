import Kit
import Testing

/// Hosts, services, zones, quotas, extensions.
struct HostTests {
  @Test func hypervisors() async throws {
    let cloud = try await Fixture(hosts: 2)
    let id = try await cloud.running(name: "guest")
    #expect(await cloud.send("GET", "/v2.1/os-hypervisors").status == 403)
    let all = await cloud.get("/v2.1/os-hypervisors/detail", as: "admin")["hypervisors"]?.array ?? []
    #expect(all.map { $0["hypervisor_hostname"]?.string } == ["host0", "host1"])
    #expect(all.first?["vcpus_used"] == .int(1))
    #expect(all.first?["hypervisor_type"]?.string == "QEMU")
    #expect(all.first?["state"]?.string == "up")
    let one = await cloud.get(
      "/v2.1/os-hypervisors?with_servers=true&hypervisor_hostname_pattern=st0", as: "admin", version: "2.53")
    #expect(one["hypervisors"]?.array?.first?["servers"]?.array?.first?["uuid"]?.string == id)
    #expect(
      await cloud.send("GET", "/v2.1/os-hypervisors?hypervisor_hostname_pattern=x", as: "admin", version: "2.53").status
        == 404)
    #expect(await cloud.send("GET", "/v2.1/os-hypervisors?marker=x", as: "admin", version: "2.33").status == 400)
    let page = await cloud.get("/v2.1/os-hypervisors?limit=1&marker=1", as: "admin", version: "2.33")
    #expect(page["hypervisors"]?.array?.first?["hypervisor_hostname"]?.string == "host1")
    #expect(
      await cloud.get("/v2.1/os-hypervisors/statistics", as: "admin")["hypervisor_statistics"]?["count"] == .int(2))
    let server = await cloud.server(id, as: "admin", version: "2.16")
    #expect(server["host_status"]?.string == "UP")
    #expect(server["OS-EXT-SRV-ATTR:host"]?.string == "host0")
    #expect(await cloud.server(id)["OS-EXT-SRV-ATTR:host"] == nil)
  }

  @Test func aDisabledHostTakesNoServers() async throws {
    let cloud = try await Fixture()
    let body = #"{"host": "host0", "binary": "nova-compute", "disabled_reason": "repair"}"#
    #expect(await cloud.send("PUT", "/v2.1/os-services/disable-log-reason", body).status == 403)
    #expect(await cloud.send("PUT", "/v2.1/os-services/disable-log-reason", body, as: "admin").status == 200)
    let service = await cloud.get("/v2.1/os-services", as: "admin")["services"]?.array?.first
    #expect(service?["status"]?.string == "disabled")
    #expect(service?["disabled_reason"]?.string == "repair")
    let id = try await cloud.create()
    #expect(await cloud.status(id) == "ERROR")
    let zones = await cloud.get("/v2.1/os-availability-zone")["availabilityZoneInfo"]?.array
    #expect(zones?.first?["zoneState"]?["available"] == .bool(false))
    let path = "/v2.1/os-services/\(Fixture.nodeID)"
    #expect(await cloud.send("PUT", path, #"{"status": "enabled"}"#, as: "admin", version: "2.53").status == 200)
    for bad in ["{}", #"{"status": "on"}"#, #"{"status": "enabled", "disabled_reason": "x"}"#, #"{"more": 1}"#] {
      #expect(await cloud.send("PUT", path, bad, as: "admin", version: "2.53").status == 400, "\(bad)")
    }
    _ = try await cloud.running()
    #expect(
      await cloud.send("PUT", "/v2.1/os-services/disable", #"{"host": "x", "binary": "nova-compute"}"#, as: "admin")
        .status == 404)
    #expect(
      await cloud.send("PUT", "/v2.1/os-services/disable", #"{"host": "host0", "binary": "x"}"#, as: "admin").status
        == 400)
    let detail = await cloud.get("/v2.1/os-availability-zone/detail", as: "admin")["availabilityZoneInfo"]?.array?.first
    #expect(detail?["hosts"]?["host0"]?["nova-compute"]?["available"] == .bool(true))
  }

  @Test func quotas() async throws {
    let cloud = try await Fixture()
    _ = try await cloud.create()
    let limits = await cloud.get("/v2.1/limits")["limits"]?["absolute"]
    #expect(limits?["totalInstancesUsed"] == .int(1))
    #expect(limits?["totalRAMUsed"] == .int(128))
    #expect(limits?["maxTotalCores"] == .int(20))
    #expect(await cloud.send("GET", "/v2.1/limits?tenant_id=bob").status == 403)
    #expect(
      await cloud.get("/v2.1/limits?tenant_id=bob", as: "admin")["limits"]?["absolute"]?["totalInstancesUsed"]
        == .int(0))
    #expect(await cloud.send("GET", "/v2.1/os-quota-sets/bob").status == 403)
    let path = "/v2.1/os-quota-sets/alice"
    #expect(await cloud.send("PUT", path, #"{"quota_set": {"cores": 5}}"#).status == 403)
    #expect(await cloud.send("PUT", path, #"{"quota_set": {"instances": 0}}"#, as: "admin").status == 400)
    #expect(
      await cloud.send("PUT", path, #"{"quota_set": {"instances": 0, "force": true}}"#, as: "admin").status == 200)
    #expect(await cloud.send("PUT", path, #"{"quota_set": {"moons": 1}}"#, as: "admin").status == 400)
    #expect(await cloud.send("PUT", path, #"{"quota_set": {"cores": "many"}}"#, as: "admin").status == 400)
    #expect(await cloud.get(path)["quota_set"]?["instances"] == .int(0))
    let detail = await cloud.get(path + "/detail", as: "admin")["quota_set"]?["instances"]
    #expect(detail?["in_use"] == .int(1))
    #expect(await cloud.get(path + "/defaults")["quota_set"]?["instances"] == .int(10))
    #expect(await cloud.send("DELETE", path, as: "admin").status == 202)
    #expect(await cloud.get(path)["quota_set"]?["instances"] == .int(10))
  }

  @Test func extensions() async throws {
    let cloud = try await Fixture()
    #expect((await cloud.get("/v2.1/extensions")["extensions"]?.array?.count ?? 0) > 20)
    #expect(await cloud.get("/v2.1/extensions/os-keypairs")["extension"]?["alias"]?.string == "os-keypairs")
    #expect(await cloud.send("GET", "/v2.1/extensions/nope").status == 404)
    #expect(await cloud.send("GET", "/v2.1/nope").status == 404)
    #expect(await cloud.send("PATCH", "/v2.1/servers").status == 405)
  }
}
