import Kit

/// What the users of one project do: they wish, wait for the answer, remember what they were told, and look whether it
/// is so.
struct Users {
  let world: World
  let tenant: Tenant
  let image: String
  let serversMax: Int

  /// One wish after another until the faults stop.
  func live() async {
    while world.usersAreThere {
      guard (try? await world.pause(milliseconds: world.plan.thinkMilliseconds)) != nil else { return }
      await wish()
      Invariants(world).all()
    }
  }

  private func wish() async {
    let idle = tenant.idle
    let count = tenant.servers.values.filter { !$0.deleteSent }.count
    if count < serversMax, world.dice.chance(count * 3 < serversMax * 2 ? 700 : 200) { return await create() }
    guard let id = idle.randomElement(using: &world.dice) else { return await look() }
    switch world.dice.of(0...99) {
    case 0..<14: await delete(id)
    case 14..<26: await act(id, #"{"os-stop":null}"#, .stopped)
    case 26..<40: await act(id, #"{"os-start":null}"#, .running)
    case 40..<46: await act(id, #"{"reboot":{"type":"SOFT"}}"#, .running)
    case 46..<52: await act(id, #"{"reboot":{"type":"HARD"}}"#, .running)
    case 52..<62: await attachNetwork(id)
    case 62..<68: await attachPort(id)
    case 68..<76: await detach(id)
    case 76..<82: await makePort()
    case 82..<86: await dropPort()
    case 86..<90: await makeGroup()
    case 90..<93: await dropGroup()
    default: await look()
    }
  }

  private func say(_ what: String, _ answer: Answer?) {
    world.note("\(tenant.name) \(what): \(answer.map { "\($0.status)" } ?? "no answer")")
  }

  private func ask(_ method: String, _ path: String, _ body: String = "") async -> Answer? {
    let answer = await world.ask(method, path, token: tenant.token, body)
    // The clock was stepped, and the token is over.
    if answer?.status == 401 { await world.loginAgain(tenant) }
    return answer
  }

  private var network: String { tenant.networks.randomElement(using: &world.dice)?.id ?? "" }

  // MARK: servers

  private func create() async {
    tenant.made += 1
    let name = "s-\(tenant.number)-\(tenant.made)"
    tenant.lostNames.insert(name)
    let answer = await ask(
      "POST", "/compute/v2.1/servers",
      #"{"server":{"name":"\#(name)","flavorRef":"\#(world.flavor)","imageRef":"\#(image)","#
        + #""networks":[{"uuid":"\#(network)"}]}}"#)
    say("creates \(name)", answer)
    guard let answer, answer.status != 503 else { return }
    tenant.lostNames.remove(name)
    guard answer.status == 202, let id = answer.json["server"]?["id"]?.string else { return }
    tenant.servers[id] = Tenant.Server(id: id, name: name, asked: .running)
    world.count("server made")
    world.note("\(name) is \(id)")
  }

  private func delete(_ id: String) async {
    tenant.servers[id]?.deleteSent = true
    let answer = await ask("DELETE", "/compute/v2.1/servers/\(id)")
    say("deletes \(tenant.servers[id]?.name ?? "")", answer)
    if answer?.status == 204 { tenant.servers[id]?.deleteAcknowledged = true }
    if answer?.status == 404 { world.fail("\(tenant.name): the server \(id) was acknowledged and is not there") }
    if let status = answer?.status, status != 204, status != 503 { tenant.servers[id]?.deleteSent = false }
  }

  private func act(_ id: String, _ body: String, _ asks: Tenant.Server.Asked) async {
    await busy(id) {
      let answer = await ask("POST", "/compute/v2.1/servers/\(id)/action", body)
      say("\(body) \(tenant.servers[id]?.name ?? "")", answer)
      switch answer?.status {
      case 202: tenant.servers[id]?.asked = asks
      case nil, 503: tenant.servers[id]?.asked = .unknown
      case 404: world.fail("\(tenant.name): the server \(id) was acknowledged and is not there")
      default: break
      }
    }
  }

  private func busy(_ id: String, _ body: () async -> Void) async {
    tenant.servers[id]?.busy = true
    await body()
    tenant.servers[id]?.busy = false
  }

  private func attachNetwork(_ id: String) async {
    await busy(id) {
      let answer = await ask(
        "POST", "/compute/v2.1/servers/\(id)/os-interface", #"{"interfaceAttachment":{"net_id":"\#(network)"}}"#)
      let port = answer?.json["interfaceAttachment"]?["port_id"]?.string ?? "-"
      say("attaches the card \(port) to \(tenant.servers[id]?.name ?? "")", answer)
    }
  }

  private func attachPort(_ id: String) async {
    guard let port = tenant.ports.sorted().randomElement(using: &world.dice) else { return await makePort() }
    await busy(id) {
      let answer = await ask(
        "POST", "/compute/v2.1/servers/\(id)/os-interface", #"{"interfaceAttachment":{"port_id":"\#(port)"}}"#)
      say("attaches its port \(port) to \(tenant.servers[id]?.name ?? "")", answer)
    }
  }

  private func detach(_ id: String) async {
    await busy(id) {
      let cards = await ask("GET", "/compute/v2.1/servers/\(id)/os-interface")
      let ports = cards?.json["interfaceAttachments"]?.array?.compactMap { $0["port_id"]?.string } ?? []
      guard let port = ports.last else { return }
      let answer = await ask("DELETE", "/compute/v2.1/servers/\(id)/os-interface/\(port)")
      say("detaches the card \(port) of \(tenant.servers[id]?.name ?? "")", answer)
    }
  }

  // MARK: ports and groups

  private func makePort() async {
    let answer = await ask("POST", "/network/v2.0/ports", #"{"port":{"network_id":"\#(network)"}}"#)
    say("makes the port \(answer?.json["port"]?["id"]?.string ?? "-")", answer)
    if answer?.status == 201, let id = answer?.json["port"]?["id"]?.string { tenant.ports.insert(id) }
  }

  private func dropPort() async {
    guard let id = tenant.ports.sorted().randomElement(using: &world.dice) else { return }
    tenant.ports.remove(id)
    say("drops the port \(id)", await ask("DELETE", "/network/v2.0/ports/\(id)"))
  }

  private func makeGroup() async {
    let answer = await ask("POST", "/network/v2.0/security-groups", #"{"security_group":{"name":"g"}}"#)
    say("makes a group", answer)
    guard answer?.status == 201, let id = answer?.json["security_group"]?["id"]?.string else { return }
    tenant.groups.insert(id)
    let rule =
      #"{"security_group_rule":{"security_group_id":"\#(id)","direction":"ingress","protocol":"tcp","#
      + #""port_range_min":22,"port_range_max":22}}"#
    say("makes a rule", await ask("POST", "/network/v2.0/security-group-rules", rule))
    guard let port = tenant.ports.sorted().randomElement(using: &world.dice) else { return }
    say(
      "puts a port in it", await ask("PUT", "/network/v2.0/ports/\(port)", #"{"port":{"security_groups":["\#(id)"]}}"#))
  }

  private func dropGroup() async {
    guard let id = tenant.groups.sorted().randomElement(using: &world.dice) else { return }
    let answer = await ask("DELETE", "/network/v2.0/security-groups/\(id)")
    say("drops a group", answer)
    if answer?.status != 409 { tenant.groups.remove(id) }
  }

  // MARK: looking

  /// Whatever was acknowledged and not asked to go is in the list.
  private func look() async {
    let expected = tenant.servers.values.filter { !$0.deleteSent }.map(\.id).sorted()
    let answer = await ask("GET", "/compute/v2.1/servers/detail")
    say("looks at its servers", answer)
    guard answer?.status == 200, let list = answer?.json["servers"]?.array else { return }
    let found = Set(list.compactMap { $0["id"]?.string })
    for id in expected where !found.contains(id) && tenant.servers[id]?.deleteSent == false {
      world.fail("\(tenant.name): the server \(id) was acknowledged and is not in the list")
    }
    for server in list {
      guard let id = server["id"]?.string, let name = server["name"]?.string, tenant.lostNames.remove(name) != nil
      else {
        continue
      }
      tenant.servers[id] = Tenant.Server(id: id, name: name, asked: .unknown)
    }
  }
}
