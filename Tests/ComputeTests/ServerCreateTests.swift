import Kit
import NodeLink
import Store
import Testing

/// `POST /servers`: what is refused, with which fault, and that nothing is left half done.
struct ServerCreateTests {
  static let image = Fixture.imageID
  static let network = FakeNetworks.networkID

  /// Bodies that are refused with 400, at a microversion.
  static let refused: [(String, String)] = [
    ("2.1", "{}"), ("2.1", "[]"), ("2.1", #"{"server": []}"#), ("2.1", #"{"server": {}}"#), ("2.1", ""),
    ("2.1", "{"), ("2.1", #"{"server": {"name": "x", "imageRef": "\#(image)"}}"#),
    ("2.1", #"{"server": {"name": "x", "flavorRef": "42"}}"#),
    ("2.1", #"{"server": {"name": "", "flavorRef": "42", "imageRef": "\#(image)"}}"#),
    ("2.1", #"{"server": {"name": " x", "flavorRef": "42", "imageRef": "\#(image)"}}"#),
    ("2.1", #"{"server": {"name": 5, "flavorRef": "42", "imageRef": "\#(image)"}}"#),
    ("2.1", #"{"server": {"name": "x", "flavorRef": "nope", "imageRef": "\#(image)"}}"#),
    ("2.1", #"{"server": {"name": "x", "flavorRef": {}, "imageRef": "\#(image)"}}"#),
    ("2.1", #"{"server": {"name": "x", "flavorRef": "42", "imageRef": "nope"}}"#),
    ("2.1", #"{"server": {"name": "x", "flavorRef": "42", "imageRef": "\#(Identifier.uuid())"}}"#),
    ("2.1", Fixture.body(#""unknown": 1, "#)), ("2.1", #"{"more": 1, \#(Fixture.body().dropFirst())"#),
    ("2.1", Fixture.body(#""key_name": "nope", "#)), ("2.1", Fixture.body(#""networks": "auto", "#)),
    ("2.1", Fixture.body(#""networks": [{"uuid": "\#(Identifier.uuid())"}], "#)),
    ("2.1", Fixture.body(#""networks": [{}], "#)), ("2.1", Fixture.body(#""networks": [{"uuid": "nope"}], "#)),
    ("2.1", Fixture.body(#""networks": [{"port": "\#(Identifier.uuid())"}], "#)),
    ("2.1", Fixture.body(#""networks": [{"uuid": "\#(network)", "fixed_ip": "300.1.1.1"}], "#)),
    ("2.1", Fixture.body(#""networks": [{"uuid": "\#(network)", "tag": "x"}], "#)),
    ("2.37", Fixture.body()), ("2.37", Fixture.body(#""networks": "some", "#)),
    ("2.1", Fixture.body(#""security_groups": [{"name": "nowhere"}], "#)),
    ("2.1", Fixture.body(#""security_groups": ["default"], "#)),
    ("2.1", Fixture.body(#""metadata": {"a": 1}, "#)), ("2.1", Fixture.body(#""metadata": {"a/é": "1"}, "#)),
    ("2.1", Fixture.body(#""metadata": [], "#)), ("2.1", Fixture.body(#""user_data": "no base64?", "#)),
    ("2.1", Fixture.body(#""user_data": "\#(String(repeating: "QUFB", count: 16384))", "#)),
    ("2.1", Fixture.body(#""min_count": 3, "max_count": 2, "#)), ("2.1", Fixture.body(#""min_count": 0, "#)),
    ("2.1", Fixture.body(#""availability_zone": "mars", "#)), ("2.1", Fixture.body(#""config_drive": "maybe", "#)),
    ("2.1", Fixture.body(#""accessIPv4": "fd00::1", "#)), ("2.1", Fixture.body(#""OS-DCF:diskConfig": "SOME", "#)),
    ("2.1", Fixture.body(#""personality": [{"path": "/etc/motd", "contents": "QQ=="}], "#)),
    ("2.57", Fixture.body(#""networks": "none", "personality": [], "#)),
    ("2.1", Fixture.body(#""description": "x", "#)), ("2.42", Fixture.body(#""networks": "none", "tags": [], "#)),
    ("2.52", Fixture.body(#""networks": "none", "tags": ["a,b"], "#)),
    ("2.89", Fixture.body(#""networks": "none", "hostname": "h", "#)),
    ("2.90", Fixture.body(#""networks": "none", "hostname": "h.example", "#)),
    ("2.63", Fixture.body(#""networks": "none", "trusted_image_certificates": ["x"], "#)),
    ("2.1", Fixture.body(#""block_device_mapping": [{"volume_id": "x"}], "#)),
    (
      "2.1",
      Fixture.body(
        #""block_device_mapping_v2": [{"source_type": "volume", "destination_type": "volume", "boot_index": 0, "uuid": "x"}], "#
      )
    ),
    (
      "2.1",
      Fixture.body(
        #""block_device_mapping_v2": [{"source_type": "image", "destination_type": "volume", "boot_index": 0, "uuid": "\#(image)"}], "#
      )
    ),
    (
      "2.1",
      Fixture.body(
        #""block_device_mapping_v2": [{"source_type": "image", "destination_type": "local", "boot_index": 0, "uuid": "\#(Identifier.uuid())"}], "#
      )
    ),
  ]

  @Test func badBodiesAreRefusedAndLeaveNothing() async throws {
    let cloud = try await Fixture()
    for (version, body) in Self.refused {
      let answer = await cloud.send("POST", "/v2.1/servers", body, version: version)
      #expect(answer.status == 400, "\(version) \(body.prefix(200)): \(answer.text)")
      #expect(answer.json["badRequest"]?["code"]?.int == 400, "\(answer.text)")
    }
    for table in ["server", "fake_port", "fake_claim", "fake_pin", "manifest", "instance_action"] {
      #expect(try await cloud.count(table) == 0, "\(table)")
    }
    try await cloud.ledgersAgree()
  }

  @Test func readersAndStrangersMayNot() async throws {
    let cloud = try await Fixture()
    #expect(await cloud.send("POST", "/v2.1/servers", Fixture.body(), as: "reader-alice").status == 403)
    #expect(await cloud.send("POST", "/v2.1/servers", Fixture.body(), as: nil).status == 401)
    #expect(await cloud.send("POST", "/v2.1/servers", Fixture.body(), as: "wrong").status == 401)
    let huge = Fixture.body(#""user_data": "\#(String(repeating: "A", count: 300_000))", "#)
    #expect(await cloud.send("POST", "/v2.1/servers", huge).status == 413)
    let placed = Fixture.body(#""networks": "none", "host": "host0", "#)
    #expect(await cloud.send("POST", "/v2.1/servers", placed, version: "2.74").status == 403)
    #expect(await cloud.send("POST", "/v2.1/servers", placed, as: "admin", version: "2.74").status == 202)
    try await cloud.ledgersAgree()
  }

  @Test func theImageMustFit() async throws {
    let cloud = try await Fixture()
    func image(_ columns: String) async throws {
      try await cloud.store.write { _ = try $0.execute("UPDATE fake_image SET \(raw: columns)") }
    }
    for columns in [
      "status = 'queued'", "min_disk = 2", "min_ram = 256", "virtual_bytes = 2147483648", "format = 'iso'",
    ] {
      try await image("status = 'active', min_disk = 0, min_ram = 64, virtual_bytes = 69206016, format = 'qcow2'")
      try await image(columns)
      #expect(await cloud.send("POST", "/v2.1/servers", Fixture.body()).status == 400, "\(columns)")
    }
    try await image("status = 'active', min_disk = 0, min_ram = 64, virtual_bytes = 69206016, format = 'raw'")
    // Somebody else's image is no image.
    try await image("owner = 'bob'")
    #expect(await cloud.send("POST", "/v2.1/servers", Fixture.body()).status == 400)
    #expect(try await cloud.count("server") == 0)
    try await cloud.ledgersAgree()
  }

  @Test func aFlavorWithoutDiskTakesTheImagesSize() async throws {
    let cloud = try await Fixture()
    let flavor = #"{"flavor": {"name": "diskless", "id": "d0", "ram": 128, "vcpus": 1, "disk": 0}}"#
    #expect(await cloud.send("POST", "/v2.1/flavors", flavor, as: "admin").status == 200)
    let answer = await cloud.send(
      "POST", "/v2.1/servers", #"{"server": {"name": "x", "flavorRef": "d0", "imageRef": "\#(Self.image)"}}"#)
    let id = try #require(answer.json["server"]?["id"]?.string)
    #expect(try await cloud.spec(id)?.rootDisk.sizeBytes == 69_206_016)
    #expect(try await cloud.store.read { try $0.count("SELECT disk_gib FROM fake_claim") } == 1)
    try await cloud.ledgersAgree()
  }

  @Test func imageToLocalMappingBoots() async throws {
    let cloud = try await Fixture()
    let mapping = #"""
      {"server": {"name": "x", "flavorRef": "http://cloud/compute/flavors/42", "imageRef": "",
        "block_device_mapping_v2": [{"source_type": "image", "destination_type": "local", "boot_index": "0",
          "uuid": "\#(Self.image)", "delete_on_termination": true}]}}
      """#
    let answer = await cloud.send("POST", "/v2.1/servers", mapping)
    #expect(answer.status == 202, "\(answer.text)")
    let id = try #require(answer.json["server"]?["id"]?.string)
    #expect(await cloud.server(id)["image"]?["id"]?.string == Self.image)
    try await cloud.ledgersAgree()
  }

  @Test func quotaIsCountedFromTheServers() async throws {
    let cloud = try await Fixture()
    let quota = #"{"quota_set": {"instances": 2, "cores": 3}}"#
    #expect(await cloud.send("PUT", "/v2.1/os-quota-sets/alice", quota, as: "admin").status == 200)
    // As many as fit, when fewer would do.
    let many = await cloud.send(
      "POST", "/v2.1/servers", Fixture.body(#""min_count": 1, "max_count": 5, "return_reservation_id": true, "#))
    #expect(many.status == 202)
    #expect(many.json["reservation_id"]?.string?.hasPrefix("r-") == true)
    #expect(try await cloud.count("server") == 2)
    let names = await cloud.get("/v2.1/servers?sort_key=display_name&sort_dir=asc")["servers"]?.array
    #expect(names?.map { $0["name"]?.string } == ["one-1", "one-2"])
    let over = await cloud.send("POST", "/v2.1/servers", Fixture.body())
    #expect(over.status == 403)
    #expect(over.json["forbidden"]?["code"]?.int == 403)
    // Another project has its own.
    #expect(await cloud.send("POST", "/v2.1/servers", Fixture.body(), as: "bob").status == 202)
    let id = try #require(names?.first?["id"]?.string)
    _ = await cloud.send("DELETE", "/v2.1/servers/\(id)")
    #expect(await cloud.send("POST", "/v2.1/servers", Fixture.body()).status == 403)
    try await cloud.observeRemoved(id)
    #expect(await cloud.send("POST", "/v2.1/servers", Fixture.body()).status == 202)
    try await cloud.ledgersAgree()
  }

  @Test func quotaHoldsAgainstARace() async throws {
    let cloud = try await Fixture()
    let statuses = await withTaskGroup(of: Int.self) { group in
      for _ in 0..<30 { group.addTask { await cloud.send("POST", "/v2.1/servers", Fixture.body()).status } }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(statuses.count { $0 == 202 } == 10)
    #expect(statuses.count { $0 == 403 } == 20)
    #expect(try await cloud.count("fake_claim") == 10)
    #expect(try await cloud.count("fake_port") == 10)
    try await cloud.ledgersAgree()
  }

  @Test func manyCannotShareAPortOrAddress() async throws {
    let cloud = try await Fixture()
    let port = try await cloud.freePort("10.0.0.77")
    for card in [#"{"port": "\#(port)"}"#, #"{"uuid": "\#(Self.network)", "fixed_ip": "10.0.0.9"}"#] {
      let body = Fixture.body(#""max_count": 2, "networks": [\#(card)], "#)
      #expect(await cloud.send("POST", "/v2.1/servers", body).status == 400)
    }
    let twice = Fixture.body(#""networks": [{"port": "\#(port)"}, {"port": "\#(port)"}], "#)
    #expect(await cloud.send("POST", "/v2.1/servers", twice).status == 400)
    let id = try await cloud.create(#""networks": [{"uuid": "\#(Self.network)"}, {"port": "\#(port)"}], "#)
    let nics = try #require(try await cloud.spec(id)?.nics)
    #expect(nics.map(\.slot) == [3, 4])
    #expect(nics[1].portID == port)
    #expect(nics[0].mtu == 1450)
    try await cloud.ledgersAgree()
  }

  @Test func noNetworkIsNoCard() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.create(#""networks": "none", "#, version: "2.37")
    #expect(try await cloud.spec(id)?.nics.isEmpty == true)
    #expect(try await cloud.count("fake_port") == 0)
    try await cloud.ledgersAgree()
  }
}
