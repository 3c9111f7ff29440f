import Auth
import Contracts
import Kit
import NodeLink
import Store

/// Puts a resource's story together: its service's own part, what nodes said, the requests, the steps, the drift.
struct StoryBuilder {
  /// Requests and actions told at the most.
  private static let historyMax = 100
  private static let driftMax = 50

  let context: ExplainContext
  let principal: Principal
  let nodes: [String: NodeTable.Node]

  init(_ tx: Transaction, _ context: ExplainContext, for principal: Principal) throws {
    self.context = context
    self.principal = principal
    nodes = try context.nodes(tx)
  }

  /// The story of a resource that is there; nil where it is hidden or gone.
  func telling(_ tx: Transaction, _ key: Mention.Key) throws -> Telling? {
    if key.kind == HostStory.kind {
      guard principal.isAdmin else { return nil }
      return try HostStory(context: context, principal: principal).telling(tx, id: key.id)
    }
    for teller in context.tellers where teller.storyKinds.contains(key.kind) {
      if let story = try teller.story(tx, key, for: principal) { return try telling(tx, story, isGone: false) }
    }
    return nil
  }

  /// What is left of a resource that is gone; nil where nothing is, or it was not the caller's.
  func past(_ tx: Transaction, id: String, kind: String?) throws -> Telling? {
    guard Identifier.isUUID(id) else { return nil }
    for teller in context.tellers {
      for told in teller.storyKinds.sorted() where kind == nil || kind == told {
        if let story = try teller.past(tx, .init(told, id), for: principal) {
          return try telling(tx, story, isGone: true)
        }
      }
    }
    guard let found = try PastKind.find(tx, id: id), kind == nil || kind == found, context.kinds.contains(found),
      try mayKnowPast(tx, id)
    else { return nil }
    let project = try RequestTable.maker(tx, object: id).flatMap { $0.asAdmin ? nil : $0.projectID }
    var story = Story(
      Mention(.init(found, id), name: "", projectID: project, what: "\(found) that is gone"), status: "GONE",
      isOwn: true)
    if let object = ObjectKind(rawValue: found) { story.objects = [.init(object.rawValue, id)] }
    let telling = try telling(tx, story, isGone: true)
    return telling.steps.isEmpty && !telling.history.contains { !$0.failed } ? nil : telling
  }

  /// Of what is gone only the request that made it tells whose it was. One by an administrator may have been for
  /// another project.
  private func mayKnowPast(_ tx: Transaction, _ id: String) throws -> Bool {
    if principal.isAdmin { return true }
    guard let maker = try RequestTable.maker(tx, object: id), let project = maker.projectID else { return false }
    return maker.succeeded && !maker.asAdmin && project == principal.projectID
  }

  private func telling(_ tx: Transaction, _ story: Story, isGone: Bool) throws -> Telling {
    var telling = Telling(
      story.subject, status: story.status, isGone: isGone, isOwn: story.isOwn || principal.isAdmin,
      forAdmin: principal.isAdmin)
    telling.facts = story.asked
    telling.observed = story.observed
    telling.fault = story.fault
    telling.rules = story.rules
    let objects = story.objects.compactMap { object in
      ObjectKind(rawValue: object.kind).map { ObjectKey($0, object.id) }
    }
    if telling.isOwn {
      try tellHistory(tx, story, &telling)
      try tellSteps(tx, story, objects, &telling)
      try tellSeen(tx, objects, isGone: isGone, &telling)
      for object in objects { telling.drift += try DriftTable.of(tx, object, limit: Self.driftMax) }
      try tellMissing(tx, story, &telling)
    }
    if !isGone { telling.related = try related(tx, story) }
    if let id = story.subject.projectID {
      telling.projectName = try context.identity.names(tx, users: [], projects: [id]).projects[id]
    }
    telling.next = story.next
    telling.summary = Self.summary(telling, onHosts: !objects.isEmpty)
    if story.subject.key.kind == "port", objects.contains(where: { $0.kind == .port && $0.id == story.subject.key.id })
    {
      telling.pathNode = telling.seen.first
    }
    return telling
  }

  // MARK: What was asked

  private func tellHistory(_ tx: Transaction, _ story: Story, _ telling: inout Telling) throws {
    let id = story.subject.key.id
    let requests = try RequestTable.of(tx, object: id, limit: Self.historyMax)
    let ofActions = try RequestTable.named(tx, story.actions.map(\.requestID), limit: Self.historyMax)
    let byRequest = Dictionary((requests + ofActions).map { ($0.requestID, $0) }, uniquingKeysWith: { $1 })
    let users = Set(story.actions.compactMap(\.userID) + [story.asker?.userID].compactMap { $0 })
    let names = try context.identity.names(tx, users: users, projects: []).users
    var history = story.actions.map { Self.past($0, byRequest[$0.requestID], names) }
    let told = Set(story.actions.map(\.requestID))
    for request in requests where !told.contains(request.requestID) {
      // A server's action that it has no record of changed nothing (a look at its console), unless it was refused.
      if request.path.hasSuffix("/action"), request.succeeded, !story.actions.isEmpty { continue }
      history.append(Self.past(request))
    }
    telling.history = Array(history.sorted { $0.at < $1.at }.suffix(Self.historyMax))
    telling.asked = asked(telling.history, byRequest, story.asker, names)
  }

  private static func past(
    _ action: Story.Action, _ request: RequestTable.Entry?, _ names: [String: String]
  ) -> Telling.Past {
    .init(
      at: action.began, what: action.name, requestID: action.requestID, globalRequestID: request?.globalRequestID,
      userID: action.userID, userName: action.userID.flatMap { names[$0] ?? request?.userName },
      status: request?.status, ended: action.ended, failed: action.failed, message: action.message)
  }

  private static func past(_ request: RequestTable.Entry) -> Telling.Past {
    .init(
      at: request.began, what: "\(request.method) \(request.path)", requestID: request.requestID,
      globalRequestID: request.globalRequestID, userID: request.userID, userName: request.userName,
      status: request.status, ended: request.ended, failed: !request.succeeded, message: nil)
  }

  /// The newest thing asked that was not refused.
  private func asked(
    _ history: [Telling.Past], _ requests: [String: RequestTable.Entry], _ asker: Story.Asker?,
    _ names: [String: String]
  ) -> Telling.Asked? {
    if let last = history.last(where: { ($0.status ?? 200) < 400 }) {
      let request = requests[last.requestID]
      return .init(
        userID: last.userID, userName: last.userName, projectID: request?.projectID, projectName: request?.projectName,
        requestID: last.requestID, request: request.map { "\($0.method) \($0.path)" }, at: last.at)
    }
    return asker.map {
      .init(
        userID: $0.userID, userName: $0.userID.flatMap { names[$0] }, projectID: nil, projectName: nil,
        requestID: $0.requestID, request: nil, at: $0.at)
    }
  }

  // MARK: What was done and seen

  private func tellSteps(
    _ tx: Transaction, _ story: Story, _ objects: [ObjectKey], _ telling: inout Telling
  ) throws {
    let requests = try RequestTable.named(tx, telling.history.map(\.requestID), limit: Self.historyMax)
    var steps = requests.map { request in
      Telling.StepLine(
        at: request.began, ended: request.ended, nodeID: nil,
        what: "\(Step.handleRequest.rawValue) \(request.method) \(request.path)", requestID: request.requestID,
        error: request.succeeded ? nil : "answered \(request.status)")
    }
    let own = Set(telling.history.map(\.requestID))
    for object in objects {
      let isItself = object.id == story.subject.key.id
      for entry in try StepEventTable.events(tx, of: object) {
        let event = entry.event
        // Of an object that serves others too, only what this one's requests caused.
        guard isItself || event.requestID.map(own.contains) == true else { continue }
        steps.append(
          .init(
            at: event.began, ended: event.ended, nodeID: entry.nodeID, what: event.step, requestID: event.requestID,
            error: event.error))
      }
    }
    telling.steps = Array(steps.sorted { ($0.at, $0.ended) < ($1.at, $1.ended) }.suffix(Telling.linesMax))
  }

  private func tellSeen(
    _ tx: Transaction, _ objects: [ObjectKey], isGone: Bool, _ telling: inout Telling
  ) throws {
    for object in objects {
      let sights = Dictionary(
        try SightTable.of(tx, object).map { ($0.nodeID, $0) }, uniquingKeysWith: { $1 })
      let holders = try ManifestTable.holders(tx, object)
      for id in holders.union(sights.keys).sorted() {
        let sight = sights[id]
        let held = try ManifestTable.find(tx, node: id, object)
        telling.seen.append(
          .init(
            nodeID: id, hostname: nodes[id]?.facts.hostname ?? id, isUp: nodes[id]?.up ?? false,
            lastHeard: nodes[id]?.lastSeen, ready: sight?.ready, at: sight?.at,
            isBehind: held.map { $0.generation > (sight?.generation ?? 0) } ?? false, condition: sight?.condition))
      }
    }
  }

  private func tellMissing(_ tx: Transaction, _ story: Story, _ telling: inout Telling) throws {
    let admin = principal.isAdmin
    let isServer = story.subject.key.kind == "server"
    telling.missing = story.missing.map { missing in
      .init(
        what: missing.what, why: missing.why, since: missing.since, attempts: missing.attempts,
        next: NextSteps.next(missing.what, attempts: missing.attempts, mayEnd: isServer))
    }
    for seen in telling.seen {
      let hostname = admin ? seen.hostname : nil
      if !seen.isUp { telling.missing.append(NextSteps.away(hostname, since: seen.lastHeard)) }
      if seen.isUp, seen.isBehind { telling.missing.append(NextSteps.behind(hostname)) }
      if let condition = seen.condition, !telling.missing.contains(where: { $0.what == condition.type }) {
        telling.missing.append(NextSteps.line(condition, mayEnd: isServer))
      }
    }
    for entry in telling.drift where entry.finding.settled == nil {
      telling.missing.append(admin ? NextSteps.line(entry) : NextSteps.veiled(entry))
    }
  }

  // MARK: What has to do with it

  private func related(_ tx: Transaction, _ story: Story) throws -> [Story.Related] {
    var related = story.related
    let key = story.subject.key
    for teller in context.tellers where !teller.storyKinds.contains(key.kind) {
      related += try teller.related(tx, to: key, for: principal, limit: Telling.linesMax)
    }
    if principal.isAdmin {
      let held = story.objects.compactMap { object in ObjectKind(rawValue: object.kind).map { ObjectKey($0, object.id) }
      }
      let hosts = try held.reduce(into: Set<String>()) { try $0.formUnion(ManifestTable.holders(tx, $1)) }
      related += hosts.sorted().map {
        .init("host", .init(HostStory.kind, $0), name: nodes[$0]?.facts.hostname)
      }
    }
    let nameless = Dictionary(grouping: related.filter { $0.name == nil }.map(\.key), by: \.kind)
    var names: [Mention.Key: String] = [:]
    for (kind, keys) in nameless {
      for teller in context.tellers where teller.storyKinds.contains(kind) {
        let ids = Set(keys.map(\.id)).sorted()
        for mention in try teller.mentions(tx, kind: kind, ids: ids, for: principal) {
          names[mention.key] = mention.name
        }
      }
    }
    return related.prefix(Telling.linesMax).map { one in
      Story.Related(one.relation, one.key, name: one.name ?? names[one.key])
    }
  }

  // MARK: In one sentence

  private static func summary(_ telling: Telling, onHosts: Bool) -> String {
    if telling.isGone { return "It is gone. What is told here is left of its records." }
    if let fault = telling.fault { return "It is in error since \(fault.at.iso8601): \(fault.message)" }
    if let first = telling.missing.first {
      let more = telling.missing.count > 1 ? " (and \(telling.missing.count - 1) more)" : ""
      return "It is not as asked\(more): \(first.why)"
    }
    guard telling.isOwn else { return "It belongs to another project, which shares it." }
    if telling.seen.isEmpty { return onHosts ? "It is as asked: no host needs it now." : "It is as asked." }
    return telling.seen.allSatisfy({ $0.ready == true })
      ? "It is as asked." : "It is on its way: its host has yet to say that all is as asked."
  }
}
