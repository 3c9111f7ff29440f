import Contracts
import Foundation
import Kit
import NodeLink
import Store
import Synchronization
import Testing

@testable import Compute

/// What a guest learns of itself, and what is read of its console.
struct GuestTests {
  @Test func documents() async throws {
    let cloud = try await Fixture()
    let made = await cloud.send("POST", "/v2.1/os-keypairs", #"{"keypair": {"name": "k"}}"#)
    let publicKey = try #require(made.json["keypair"]?["public_key"]?.string)
    let more = #"""
      "key_name": "k", "metadata": {"role": "web"}, "user_data": "I2Nsb3VkLWNvbmZpZw==", "config_drive": true,
      "networks": [{"uuid": "\#(FakeNetworks.networkID)", "tag": "front"}], "adminPass": "word",
      """#
    let id = try await cloud.create(more, name: "Web Server_1", version: "2.42")
    let spec = try #require(try await cloud.spec(id))
    #expect(spec.configDrive)
    #expect(spec.metadata.userDataBase64 == "I2Nsb3VkLWNvbmZpZw==")
    let data = try JSONValue(parsing: spec.metadata.metaData)
    #expect(data["uuid"]?.string == id)
    #expect(data["name"]?.string == "Web Server_1")
    #expect(data["hostname"]?.string == "web-server-1")
    #expect(data["public_keys"]?["k"]?.string == publicKey)
    #expect(data["keys"]?.array?.first?["type"]?.string == "ssh")
    #expect(data["meta"]?["role"]?.string == "web")
    #expect(data["admin_pass"]?.string == "word")
    #expect(data["project_id"]?.string == "alice")
    #expect(data["launch_index"] == .int(0))
    #expect(data["availability_zone"]?.string == "nova")
    #expect(Data(base64Encoded: try #require(data["random_seed"]?.string))?.count == 512)
    let device = data["devices"]?.array?.first
    #expect(device?["tags"] == .array([.string("front")]))
    #expect(device?["address"]?.string == "0000:00:03.0")
    let network = try JSONValue(parsing: spec.metadata.networkData)
    #expect(network["links"]?.array?.first?["ethernet_mac_address"]?.string == spec.nics.first?.mac)
    #expect(network["networks"]?.array?.first?["type"]?.string == "ipv4_dhcp")
    #expect(network["services"]?.array?.first?["address"]?.string == "10.0.0.53")
    #expect(spec.metadata.ec2["public-keys/0/openssh-key"] == publicKey)
    #expect(spec.metadata.ec2["local-ipv4"] == "10.0.0.3")
    #expect(spec.metadata.ec2["instance-type"] == "m1.nano")
    #expect(spec.metadata.ec2["security-groups"] == "default")
    #expect(spec.metadata.ec2["instance-id"] == "i-" + id.prefix(8))
  }

  @Test func addressesThatNeedNoDHCP() throws {
    let port = ServerPort(
      id: "p", serverID: "s", networkID: "n", networkName: "net", mac: "fa:16:3e:00:00:01", mtu: 1500, status: "ACTIVE",
      addresses: [
        .init(address: "192.0.2.5", version: 4, type: "fixed", subnetID: "four"),
        .init(address: "fd00::5", version: 6, type: "fixed", subnetID: "six"),
      ],
      subnets: [
        .init(
          id: "four", cidr: "192.0.2.0/24", version: 4, gateway: "192.0.2.1", dnsNameservers: ["192.0.2.53"],
          enableDHCP: false, ipv6AddressMode: nil),
        .init(
          id: "six", cidr: "fd00::/64", version: 6, gateway: "fd00::1", dnsNameservers: [], enableDHCP: true,
          ipv6AddressMode: "slaac"),
      ], tag: nil, securityGroupNames: [])
    let networks = try #require(try JSONValue(parsing: NetworkData(ports: [port]).text)["networks"]?.array)
    #expect(networks[0]["type"]?.string == "ipv4")
    #expect(networks[0]["netmask"]?.string == "255.255.255.0")
    #expect(networks[0]["routes"]?.array?.first?["gateway"]?.string == "192.0.2.1")
    #expect(networks[1]["type"]?.string == "ipv6_slaac")
    #expect(networks[1]["ip_address"]?.string == "fd00::5")
  }

  @Test func aFloatingAddressReachesTheDocuments() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    #expect(try await cloud.spec(id)?.metadata.ec2["public-ipv4"] == "")
    let before = try await cloud.generation(id)
    try await cloud.store.write { [service = cloud.service] tx in
      try tx.execute("UPDATE fake_port SET floating = '203.0.113.9'")
      try service.portsChanged(tx, servers: [id, "unknown"], requestID: "req-1")
    }
    #expect(try await cloud.spec(id)?.metadata.ec2["public-ipv4"] == "203.0.113.9")
    let after = try await cloud.generation(id)
    #expect(after > before)
    let addresses = await cloud.server(id)["addresses"]?["net"]?.array
    #expect(addresses?.map { $0["OS-EXT-IPS:type"]?.string } == ["fixed", "floating"])
    // Nothing changed: no new generation.
    try await cloud.store.write { [service = cloud.service] tx in
      try service.portsChanged(tx, servers: [id], requestID: nil)
    }
    #expect(try await cloud.generation(id) == after)
  }

  @Test func hostnames() {
    #expect(ServerFields.hostname(from: "My VM.example", id: "i") == "my-vm-example")
    #expect(ServerFields.hostname(from: "__é--", id: "i") == "server-i")
    #expect(ServerFields.hostname(from: String(repeating: "a", count: 80), id: "i").count == 63)
    #expect(ServerFields.hostname(from: "x\nrange=1", id: "i") == "xrange1")
  }

  @Test func console() async throws {
    let cloud = try await Fixture()
    let building = try await cloud.create()
    let ask = #"{"os-getConsoleOutput": {"length": 2}}"#
    #expect(await cloud.act(building, ask).status == 409)
    let id = try await cloud.running()
    #expect(await cloud.act(id, ask).status == 404)
    cloud.console.withLock {
      $0 = Array("one\r\ntwo\u{1b}[31m<script>\u{7}\n\u{1b}]0;t".utf8) + [0xff, 0x00] + Array("last\n".utf8)
    }
    let answer = await cloud.act(id, ask)
    #expect(answer.status == 200)
    #expect(answer.json["output"]?.string == "two<script>\n0;t\u{fffd}last\n")
    #expect(await cloud.act(id, #"{"os-getConsoleOutput": {}}"#).json["output"]?.string?.hasPrefix("one\n") == true)
    #expect(await cloud.act(id, #"{"os-getConsoleOutput": {"length": "x"}}"#).status == 400)
    #expect(await cloud.act(id, #"{"os-getConsoleOutput": {"length": 0}}"#).json["output"]?.string == "")
    #expect(await cloud.act(id, ask, as: "reader-alice").status == 403)
  }

  @Test func passwordsAreNotShown() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.create(#""adminPass": "hush-hush", "#)
    for path in ["/v2.1/servers/\(id)", "/v2.1/servers/detail", "/v2.1/servers/\(id)/os-instance-actions"] {
      for token in ["alice", "admin"] {
        #expect(await !cloud.send("GET", path, as: token, version: "2.100").text.contains("hush"))
      }
    }
    #expect(!"\(Secret("hush-hush"))".contains("hush"))
  }
}
