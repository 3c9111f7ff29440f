import Foundation
import Kit
import Subprocess

/// Gives a new cloud its first image, network, router, key and server, through the API like any user. What is there
/// already is found by name and kept: run again it changes nothing.
public struct FirstServer: Sendable {
  /// Called with each step once it is done, and how long it took in seconds.
  public typealias Progress = @Sendable (_ step: String, _ seconds: Double) -> Void

  /// What was made, and how to reach it.
  public struct Result: Sendable {
    public var serverID: String
    public var floatingIP: String
    public var keyPath: String
  }

  static let name = "first-server"
  static let image = "tiny"
  /// How long the guest may take from ACTIVE to its login prompt, in seconds.
  static let promptSeconds = 180.0

  let state: StateDirectory
  let imagePath: String
  let progress: Progress

  public init(state: StateDirectory, imagePath: String, progress: @escaping Progress) {
    self.state = state
    self.imagePath = imagePath
    self.progress = progress
  }

  /// Makes what is missing and waits for the login prompt. Throws `CloudProblem` that says what did not come.
  public func run() async throws -> Result {
    let admin = try await APIClient(state: state, cloud: CloudsYAML.adminCloud)
    let member = try await APIClient(state: state, cloud: CloudsYAML.memberCloud)
    let image = try await timed("image \(Self.image)") { try await self.image(admin) }
    let network = try await timed("network, subnet, router") { try await self.network(member) }
    try await timed("security group and key") {
      try await self.securityGroup(member)
      try await self.key(member)
    }
    let server = try await timed("server \(Self.name) ACTIVE") { try await self.server(member, image, network) }
    let address = try await timed("floating IP") { try await self.floatingIP(member, server) }
    try await timed("login prompt") { try await self.waitForPrompt(member, server) }
    return Result(serverID: server, floatingIP: address, keyPath: state.firstServerKey)
  }

  private func timed<T: Sendable>(_ step: String, _ body: @Sendable () async throws -> T) async throws -> T {
    let began = Timestamp.now()
    let value = try await body()
    progress(step, Timestamp.now().seconds(since: began))
    return value
  }

  /// The id of the first element of a list; nil where it is empty.
  private func firstID(_ client: APIClient, _ path: String, _ list: String) async throws -> String? {
    try await client.get(path)[list]?.array?.first?["id"]?.string
  }

  private func id(_ answer: JSONValue, _ member: String?) throws -> String {
    guard let id = (member.flatMap { answer[$0] } ?? answer)["id"]?.string else {
      throw CloudProblem("The API answered without an id: \(answer.text.prefix(200))")
    }
    return id
  }

  private func image(_ admin: APIClient) async throws -> String {
    if let found = try await firstID(admin, "/image/v2/images?name=\(Self.image)&status=active", "images") {
      return found
    }
    let body: JSONValue = .object([
      "name": .string(Self.image), "disk_format": .string("qcow2"), "container_format": .string("bare"),
      "visibility": .string("public"), "min_ram": .int(80),
    ])
    let made = try id(try await admin.send("POST", "/image/v2/images", body), nil)
    try await admin.upload("/image/v2/images/\(made)/file", file: imagePath)
    return made
  }

  private func network(_ member: APIClient) async throws -> String {
    if let found = try await firstID(member, "/network/v2.0/networks?name=demo-net", "networks") { return found }
    guard let external = try await firstID(member, "/network/v2.0/networks?router:external=true", "networks") else {
      throw CloudProblem("There is no external network. See the log of `haneul control` in \(state.logs).")
    }
    let network = try id(
      try await member.send(
        "POST", "/network/v2.0/networks", .object(["network": .object(["name": .string("demo-net")])])),
      "network")
    let subnet = try id(
      try await member.send(
        "POST", "/network/v2.0/subnets",
        .object([
          "subnet": .object([
            "name": .string("demo-subnet"), "network_id": .string(network), "ip_version": .int(4),
            "cidr": .string("10.10.0.0/24"),
          ])
        ])), "subnet")
    let router = try id(
      try await member.send(
        "POST", "/network/v2.0/routers",
        .object([
          "router": .object([
            "name": .string("demo-router"), "external_gateway_info": .object(["network_id": .string(external)]),
          ])
        ])), "router")
    try await member.send(
      "PUT", "/network/v2.0/routers/\(router)/add_router_interface", .object(["subnet_id": .string(subnet)]))
    return network
  }

  private func securityGroup(_ member: APIClient) async throws {
    if try await firstID(member, "/network/v2.0/security-groups?name=demo-ssh", "security_groups") != nil { return }
    let group = try id(
      try await member.send(
        "POST", "/network/v2.0/security-groups", .object(["security_group": .object(["name": .string("demo-ssh")])])),
      "security_group")
    for (proto, port) in [("icmp", nil), ("tcp", 22)] as [(String, Int?)] {
      var rule: [String: JSONValue] = [
        "security_group_id": .string(group), "direction": .string("ingress"), "protocol": .string(proto),
      ]
      if let port {
        rule["port_range_min"] = .int(port)
        rule["port_range_max"] = .int(port)
      }
      try await member.send(
        "POST", "/network/v2.0/security-group-rules", .object(["security_group_rule": .object(rule)]))
    }
  }

  private func key(_ member: APIClient) async throws {
    if !FileManager.default.fileExists(atPath: state.firstServerKey) {
      let made = try await Subprocess.run(
        .name("ssh-keygen"),
        arguments: ["-q", "-t", "ed25519", "-N", "", "-C", "haneul", "-f", state.firstServerKey], output: .discarded)
      guard made.terminationStatus.isSuccess else { throw CloudProblem("ssh-keygen failed.") }
    }
    let present = try await member.get("/compute/v2.1/os-keypairs")["keypairs"]?.array ?? []
    if present.contains(where: { $0["keypair"]?["name"]?.string == "demo-key" }) { return }
    guard let data = FileManager.default.contents(atPath: state.firstServerKey + ".pub") else {
      throw CloudProblem("Cannot read \(state.firstServerKey).pub.")
    }
    let text = String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    try await member.send(
      "POST", "/compute/v2.1/os-keypairs",
      .object(["keypair": .object(["name": .string("demo-key"), "public_key": .string(text)])]))
  }

  private func server(_ member: APIClient, _ image: String, _ network: String) async throws -> String {
    var server = try await firstID(member, "/compute/v2.1/servers?name=^\(Self.name)$", "servers")
    if server == nil {
      let flavors = try await member.get("/compute/v2.1/flavors")["flavors"]?.array ?? []
      guard let flavor = flavors.first(where: { $0["name"]?.string == "m1.nano" })?["id"] else {
        throw CloudProblem("There is no flavor m1.nano.")
      }
      server = try id(
        try await member.send(
          "POST", "/compute/v2.1/servers",
          .object([
            "server": .object([
              "name": .string(Self.name), "imageRef": .string(image), "flavorRef": flavor,
              "key_name": .string("demo-key"),
              "networks": .array([.object(["uuid": .string(network)])]),
              "security_groups": .array([.object(["name": .string("demo-ssh")])]),
            ])
          ])), "server")
    }
    guard let server else { throw CloudProblem("The server has no id.") }
    let path = "/compute/v2.1/servers/\(server)"
    if try await member.get(path)["server"]?["status"]?.string == "SHUTOFF" {
      try await member.send("POST", path + "/action", .object(["os-start": .null]))
    }
    let deadline = Timestamp.now().adding(seconds: 120)
    while Timestamp.now() < deadline {
      let now = try await member.get(path)["server"]
      if now?["status"]?.string == "ACTIVE" { return server }
      if now?["status"]?.string == "ERROR" {
        throw CloudProblem("The server is in ERROR: \(now?["fault"]?["message"]?.string ?? "no reason was given")")
      }
      try await Task.sleep(for: .milliseconds(100))
    }
    throw CloudProblem("The server was not ACTIVE within two minutes. Look at \(state.logs).")
  }

  private func floatingIP(_ member: APIClient, _ server: String) async throws -> String {
    guard let port = try await firstID(member, "/network/v2.0/ports?device_id=\(server)", "ports") else {
      throw CloudProblem("The server has no port.")
    }
    let present = try await member.get("/network/v2.0/floatingips?port_id=\(port)")["floatingips"]?.array?.first
    if let address = present?["floating_ip_address"]?.string { return address }
    guard let external = try await firstID(member, "/network/v2.0/networks?router:external=true", "networks") else {
      throw CloudProblem("There is no external network.")
    }
    let made = try await member.send(
      "POST", "/network/v2.0/floatingips",
      .object([
        "floatingip": .object(["floating_network_id": .string(external), "port_id": .string(port)])
      ]))
    guard let address = made["floatingip"]?["floating_ip_address"]?.string else {
      throw CloudProblem("The floating IP has no address.")
    }
    return address
  }

  private func waitForPrompt(_ member: APIClient, _ server: String) async throws {
    let deadline = Timestamp.now().adding(seconds: Self.promptSeconds)
    while Timestamp.now() < deadline {
      let output = try await member.send(
        "POST", "/compute/v2.1/servers/\(server)/action",
        .object(["os-getConsoleOutput": .object(["length": .int(50)])]))
      if output["output"]?.string?.contains("login:") == true { return }
      try await Task.sleep(for: .milliseconds(250))
    }
    throw CloudProblem(
      "No login prompt came within \(Int(Self.promptSeconds)) s. `openstack console log show` tells more.")
  }
}
