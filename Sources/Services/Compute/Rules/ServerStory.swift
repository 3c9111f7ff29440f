import Auth
import Contracts
import Kit
import NodeLink
import Store

/// The story of one server: what is asked, what was seen, what goes on and how it ends.
struct ServerStory {
  static let kind = "server"
  /// Actions told at the most.
  private static let actionsMax = 100

  let server: Server
  let cards: [CardTable.Card]

  // MARK: Finding

  /// Servers by id, name, hostname, root disk, or the request of one of their actions.
  static func find(
    _ tx: Transaction, _ text: String, _ identified: SQL, for principal: Principal, limit: Int
  ) throws -> [Mention] {
    func found(_ which: SQL, _ what: String) throws -> [Mention] {
      try mentions(tx, [which], for: principal, limit: limit, what: what)
    }
    if Identifier.isRequest(text) {
      return try found("id IN (SELECT server_id FROM instance_action WHERE request_id = \(text))", "server it acted on")
    }
    return try found(identified, "server") + found("name = \(text)", "server")
      + found("hostname = \(text) AND name <> \(text)", "hostname of server")
      + found("root_disk_id = \(text)", "root disk of server")
  }

  static func mentions(
    _ tx: Transaction, _ conditions: [SQL], for principal: Principal, limit: Int, what: String
  ) throws -> [Mention] {
    var conditions = conditions
    if !principal.isAdmin { conditions.append("project_id = \(principal.projectID ?? "")") }
    return try tx.query(
      "SELECT id, name, project_id FROM server \(SQL.whereAll(conditions)) ORDER BY created_at, id LIMIT \(limit)"
    ) { Mention(.init(kind, $0.text(0)), name: $0.text(1), projectID: $0.text(2), what: what) }
  }

  // MARK: Telling

  /// A server that is gone: what its actions tell.
  static func past(_ tx: Transaction, id: String, projectID: String) throws -> Story {
    var story = Story(
      Mention(.init(kind, id), name: "", projectID: projectID, what: "server that is gone"), status: "DELETED",
      isOwn: true)
    story.actions = try actions(tx, id)
    story.objects = [.init(kind, id)]
    return story
  }

  func story(_ tx: Transaction) throws -> Story {
    var story = Story(
      Mention(.init(Self.kind, server.id), name: server.name, projectID: server.projectID, what: "server"),
      status: server.state.status, isOwn: true)
    story.asked = asked
    story.asker = .init(userID: server.userID, requestID: server.action?.requestID, at: server.createdAt)
    story.actions = try Self.actions(tx, server.id)
    story.observed = observed
    story.objects = [.init(Self.kind, server.id)]
    story.missing = missing
    story.fault = server.fault.map {
      .init(code: $0.code, message: $0.message, details: $0.details, at: $0.created)
    }
    story.next = next
    story.related = [.init("made from", .init("image", server.imageID))]
    return story
  }

  private static func actions(_ tx: Transaction, _ id: String) throws -> [Story.Action] {
    try ActionTable.list(tx, server: id, after: nil, since: nil, before: nil, limit: actionsMax).reversed().map {
      .init(
        name: $0.action, requestID: $0.requestID, userID: $0.userID, began: $0.startedAt, ended: $0.finishedAt,
        message: $0.details ?? ($0.result == "Error" ? nil : $0.message), failed: $0.result == "Error")
    }
  }

  private var asked: [Story.Fact] {
    let flavor = server.flavor
    let vcpus = flavor.vcpus == 1 ? "1 vCPU" : "\(flavor.vcpus) vCPUs"
    var facts: [Story.Fact] = [
      .init("power", server.deleting ? "to be deleted" : server.asked.power.rawValue),
      .init("boots", "\(server.asked.bootEpoch)"),
      .init("flavor", "\(flavor.name): \(vcpus), \(flavor.memoryMiB) MiB, \(flavor.diskGiB) GiB"),
      .init("root disk", "\(server.rootDisk.id), \(server.rootDisk.sizeBytes >> 20) MiB"),
      .init("cards", "\(cards.count { !$0.detaching })"),
    ]
    let leaving = cards.count { $0.detaching }
    if leaving > 0 { facts.append(.init("cards to go", "\(leaving)")) }
    if let lock = server.lockedBy { facts.append(.init("locked by", lock)) }
    if let operation = server.asked.operationID { facts.append(.init("operation", operation)) }
    return facts
  }

  private var observed: [Story.Fact] {
    guard let seen = server.seen else {
      return [.init("power", server.nodeID == nil ? "it has no host" : "its host has said nothing of it yet")]
    }
    var facts: [Story.Fact] = [.init("power", seen.power.rawValue), .init("boots", "\(seen.bootEpoch)")]
    if let step = seen.step { facts.append(.init("doing now", step)) }
    facts.append(.init("root disk", server.rootDisk.made ? "made" : "not made yet"))
    facts.append(.init("cards", "\(seen.portIDs.count)"))
    if let launched = server.launchedAt { facts.append(.init("first ran", launched.iso8601)) }
    return facts
  }

  private var missing: [Story.Missing] {
    var missing: [Story.Missing] = []
    if let condition = server.condition {
      missing.append(
        .init(
          what: condition.type, why: condition.message, since: condition.since,
          attempts: condition.attempts > 0 ? condition.attempts : nil))
    }
    if let action = server.action, server.condition == nil {
      let doing = server.seen?.step.map { "its host is at the step \($0)" } ?? "its host has not said how far it is"
      missing.append(.init(what: "InProgress", why: "\(action.kind.name) goes on: \(doing).", since: action.began))
    } else if server.action == nil, server.condition == nil, !server.deleting, server.errorKind == nil,
      let seen = server.seen, seen.isActive != (server.asked.power == .running)
    {
      missing.append(
        .init(what: "Power", why: "It is asked to be \(server.asked.power.rawValue), and is \(seen.power.rawValue)."))
    }
    if server.deleting {
      missing.append(.init(what: "Deleting", why: "Its host has yet to say that nothing is left of it."))
    }
    return missing
  }

  private var next: [String] {
    if server.deleting {
      return ["It goes when its host has removed the guest, its disks and its cards. Deleting wins over everything."]
    }
    if let action = server.action {
      let left = max(0, action.kind.secondsMax - action.elapsedMs / 1000)
      var sentence = "The \(action.kind.name) has \(left) s left of its \(action.kind.secondsMax) s; "
      sentence += "then it is given up and not resumed"
      sentence += action.kind == .create || server.asked.power == .running ? ", and the server is in ERROR." : "."
      return [sentence]
    }
    if let type = server.condition?.type, type == ServerTrouble.dataMissing || server.errorKind == type { return [] }
    if server.errorKind != nil {
      return [
        "Nothing more is tried by itself. A hard reboot boots it once more (openstack server reboot --hard); else "
          + "delete it (openstack server delete)."
      ]
    }
    return []
  }
}
