import Auth
import Contracts
import Kit
import NodeLink
import Store

/// Finds what a text names, among what the caller may see.
struct Finder {
  /// Found of each kind at the most.
  static let limit = 20
  /// Characters looked at.
  static let textMax = 255

  let context: ExplainContext
  let principal: Principal

  /// Every resource the text names.
  func resources(_ tx: Transaction, _ text: String) throws -> [Mention] {
    guard !text.isEmpty, text.count <= Self.textMax else { return [] }
    var found = principal.isAdmin ? try HostStory.find(tx, text) : []
    for teller in context.tellers { found += try teller.find(tx, text, for: principal, limit: Self.limit) }
    if let name = HostName(text, tag: context.tag) { found += try named(tx, name) }
    var seen: Set<Mention.Key> = []
    return found.filter { seen.insert($0.key).inserted }
  }

  private func named(_ tx: Transaction, _ name: HostName) throws -> [Mention] {
    try context.tellers.flatMap { teller in
      try teller.find(tx, name.id, for: principal, limit: Self.limit).filter {
        $0.key.kind == name.kind && $0.key.id.hasPrefix(name.id)
      }
    }.map { mention in
      var mention = mention
      mention.what = "\(name.what) of \(mention.key.kind.replacing("_", with: " "))"
      return mention
    }
  }

  /// What can be explained among `found`: what has the text as its id, else what has it as its name, else the rest.
  func explainable(_ found: [Mention], _ text: String, kind: String?) -> [Mention] {
    let told = found.filter { kind == nil ? context.kinds.contains($0.key.kind) : $0.key.kind == kind }
    for fits in [{ $0.key.id == text.lowercased() }, { $0.name == text }] as [(Mention) -> Bool] {
      let exact = told.filter(fits)
      if !exact.isEmpty { return exact }
    }
    return told
  }

  /// Whatever the text may be: a resource, a request, a user or project, a finding of drift.
  func everything(_ tx: Transaction, _ text: String) throws -> [Mention] {
    guard !text.isEmpty, text.count <= Self.textMax else { return [] }
    let found = try requests(tx, text) + resources(tx, text) + people(tx, text) + findings(tx, text)
    var seen: Set<Mention.Key> = []
    return found.filter { seen.insert($0.key).inserted }
  }

  private func requests(_ tx: Transaction, _ text: String) throws -> [Mention] {
    guard Identifier.isRequest(text) else { return [] }
    let entries = try RequestTable.named(tx, [text], limit: Self.limit).filter {
      principal.isAdmin || $0.projectID != nil && $0.projectID == principal.projectID
    }
    let subjects = try RequestTable.subjects(tx, of: entries.map(\.number))
    let requests = entries.map { entry in
      Mention(
        .init("request", entry.requestID), name: "\(entry.method) \(entry.path)", projectID: entry.projectID,
        what: "request of user \(entry.userName) at \(entry.began.iso8601), answered \(entry.status)")
    }
    let ids = entries.flatMap { subjects[$0.number] ?? [] }
    return requests
      + (try mentions(tx, ids: ids).map { mention in
        var mention = mention
        mention.what = "\(mention.key.kind) of this request"
        return mention
      })
  }

  /// Whatever kind these ids are of.
  func mentions(_ tx: Transaction, ids: [String]) throws -> [Mention] {
    let ids = Array(Set(ids)).sorted().prefix(Self.limit).map { $0 }
    if ids.isEmpty { return [] }
    return try context.tellers.flatMap { teller in
      try teller.storyKinds.sorted().flatMap { try teller.mentions(tx, kind: $0, ids: ids, for: principal) }
    }
  }

  private func people(_ tx: Transaction, _ text: String) throws -> [Mention] {
    let names = try context.identity.names(tx, users: [text], projects: [text])
    let own = principal.isAdmin
    let users = names.users.filter { own || $0.key == principal.userID }.map {
      Mention(.init("user", $0.key), name: $0.value, projectID: nil, what: "user")
    }
    return users
      + names.projects.filter { own || $0.key == principal.projectID }.map {
        Mention(.init("project", $0.key), name: $0.value, projectID: $0.key, what: "project")
      }
  }

  private func findings(_ tx: Transaction, _ text: String) throws -> [Mention] {
    guard principal.isAdmin else { return [] }
    let nodes = try context.nodes(tx)
    return try [text, "domain \(text)", "bridge \(text)"].flatMap { subject in
      try DriftTable.all(tx, .init(subject: subject), limit: Self.limit)
    }.map { entry in
      let finding = entry.finding
      let host = nodes[entry.nodeID]?.facts.hostname ?? entry.nodeID
      let state = finding.settled.map { "settled \($0.iso8601)" } ?? "open"
      return Mention(
        .init("drift", String(entry.number)), name: finding.subject, projectID: nil,
        what: "finding \(finding.field.rawValue) on host \(host) since \(finding.since.iso8601), \(state)")
    }
  }
}
