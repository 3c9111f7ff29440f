import Drivers
import Foundation
import Kit
import NodeLink
import Simulation
import Synchronization
import Testing

@testable import Agent

@Suite struct MetadataTests {
  private func text(_ reply: MetadataReply?) -> String? {
    reply.map { String(decoding: $0.body, as: UTF8.self) }
  }

  @Test func aGuestGetsItsOwnDataAndNobodyElses() async throws {
    let host = try Host()
    try await host.withAgent { _ in
      let (id, portID) = try await host.bootServer()
      let path = "/openstack/latest/meta_data.json"
      func ask(_ network: String, _ address: String) async -> MetadataReply? {
        await host.dataplane.ask(network: network, address: address, path: path)
      }
      #expect(text(await ask(host.networkID, "10.0.0.5"))?.contains(id) == true)
      #expect(await ask(host.networkID, "10.0.0.6")?.status == 404)
      #expect(await ask(Identifier.uuid(), "10.0.0.5")?.status == 404)
      #expect(await ask(host.networkID, "nonsense")?.status == 404)
      // By its IPv6 link-local address too, with the zone the kernel adds.
      #expect(await ask(host.networkID, "fe80::f816:3eff:fe00:0%d0")?.status == 200)

      // A port that only claims to be of this server, by its device id, opens nothing.
      let claim = Identifier.uuid()
      host.control.put(.port, claim, host.port(claim, server: id, address: "10.0.0.66"))
      try await eventually("wired") { host.control.seen(.port, claim)?.ready == true }
      #expect(await ask(host.networkID, "10.0.0.66")?.status == 404)

      host.control.bury(.server, id)
      host.control.bury(.port, portID)
      try await eventually("gone") { host.control.seen(.server, id)?.removed == true }
      #expect(await ask(host.networkID, "10.0.0.5")?.status == 404)
    }
  }

  private let documents = MetadataDocuments(
    metadata: .init(
      metaData: #"{"public_keys": {"work": "ssh-ed25519 AAAA"}}"#, networkData: #"{"links": []}"#,
      vendorData: #"{"a": 1}"#, userDataBase64: Data([0, 255, 10]).base64EncodedString(),
      ec2: [
        "instance-id": "i-1", "hostname": "h", "public-keys/0/openssh-key": "ssh-ed25519 AAAA",
        "placement/availability-zone": "nova", "block-device-mapping/ami": "vda",
        "block-device-mapping/root": "/dev/vda",
      ]))

  @Test(arguments: [
    ("/openstack/latest/meta_data.json", #"{"public_keys": {"work": "ssh-ed25519 AAAA"}}"#),
    ("/openstack/2018-08-27/network_data.json", #"{"links": []}"#),
    ("/openstack/latest/vendor_data.json", #"{"a": 1}"#),
    ("/openstack/latest/vendor_data2.json", #"{"static": {"a": 1}}"#),
    ("/openstack/2012-08-10", "meta_data.json\nuser_data"),
    (
      "/openstack/latest/",
      "meta_data.json\nuser_data\nvendor_data.json\nnetwork_data.json\nvendor_data2.json"
    ),
    ("/latest", "meta-data/\nuser-data"),
    ("/2009-04-04/meta-data/", "block-device-mapping/\nhostname\ninstance-id\nplacement/\npublic-keys/"),
    ("/latest/meta-data/instance-id", "i-1"),
    ("/latest/meta-data/instance-id/", "i-1"),
    ("//latest//meta-data/hostname?x=1", "h"),
    ("/latest/meta-data/public-keys/", "0=work"),
    ("/latest/meta-data/public-keys/0/", "openssh-key"),
    ("/latest/meta-data/public-keys/0/openssh-key", "ssh-ed25519 AAAA"),
    ("/latest/meta-data/block-device-mapping", "ami\nroot"),
  ])
  func documentsStandWhereNovaHasThem(path: String, body: String) {
    let reply = documents.reply(path: path)
    #expect(reply.status == 200)
    #expect(text(reply) == body)
  }

  @Test(arguments: ["/openstack/latest/user_data", "/latest/user-data", "/1.0/user-data"])
  func userDataIsBytes(path: String) {
    #expect(documents.reply(path: path).body == [0, 255, 10])
    #expect(documents.reply(path: path).contentType == "application/octet-stream")
  }

  @Test(arguments: [
    "/openstack/1999-01-01/meta_data.json", "/openstack/latest/secrets", "/openstack/latest/meta_data.json/more",
    "/openstack/2012-08-10/network_data.json", "/latest/dynamic", "/latest/meta-data/nothing", "/favicon.ico",
    "/latest/meta-data/../user-data", "/latest/user-data/x", "/latest/meta-data/public",
  ])
  func everythingElseIs404(path: String) {
    #expect(documents.reply(path: path).status == 404)
  }

  @Test func noUserDataIs404() {
    var metadata = documents.metadata
    metadata.userDataBase64 = nil
    let bare = MetadataDocuments(metadata: metadata)
    #expect(bare.reply(path: "/latest/user-data").status == 404)
    #expect(bare.reply(path: "/openstack/latest/user_data").status == 404)
    #expect(text(bare.reply(path: "/latest/")) == "meta-data/")
    #expect(text(bare.reply(path: "/"))?.hasPrefix("1.0\n") == true)
    #expect(text(bare.reply(path: "/openstack"))?.hasSuffix("\nlatest") == true)
  }
}
