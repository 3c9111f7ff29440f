import API
public import Auth
public import Contracts
import Kit
public import Store

/// What compute tells of its servers and flavors.
extension ComputeService: StoryTeller {
  public var storyKinds: Set<String> { [ServerStory.kind] }

  public func find(_ tx: Transaction, _ text: String, for principal: Principal, limit: Int) throws -> [Mention] {
    try ServerStory.find(tx, text, identified(by: text), for: principal, limit: limit)
      + flavors(tx, text, for: principal, limit: limit)
  }

  private func flavors(
    _ tx: Transaction, _ text: String, for principal: Principal, limit: Int
  ) throws -> [Mention] {
    var conditions: [SQL] = ["(id = \(text) OR name = \(text))"]
    if let visible = FlavorTable.visible(to: principal) { conditions.append(visible) }
    return try FlavorTable.list(tx, where: conditions, order: "id", limit: limit).map { flavor in
      Mention(
        .init("flavor", flavor.id), name: flavor.name, projectID: nil,
        what: "flavor of \(flavor.vcpus) vCPUs, \(flavor.memoryMiB) MiB of memory, \(flavor.diskGiB) GiB of disk")
    }
  }

  public func mentions(
    _ tx: Transaction, kind: String, ids: [String], for principal: Principal
  ) throws -> [Mention] {
    guard kind == ServerStory.kind else { return [] }
    return try ServerStory.mentions(tx, ["id IN (\(list: ids))"], for: principal, limit: ids.count, what: "server")
  }

  public func story(_ tx: Transaction, _ subject: Mention.Key, for principal: Principal) throws -> Story? {
    guard subject.kind == ServerStory.kind, let server = try ServerTable.find(tx, id: subject.id),
      principal.isAdmin || server.projectID == principal.projectID
    else { return nil }
    return try ServerStory(server: server, cards: CardTable.cards(tx, server: server.id)).story(tx)
  }

  public func past(_ tx: Transaction, _ subject: Mention.Key, for principal: Principal) throws -> Story? {
    guard subject.kind == ServerStory.kind, try ServerTable.find(tx, id: subject.id) == nil,
      let project = try ActionTable.projectOfGone(tx, server: subject.id),
      principal.isAdmin || project == principal.projectID
    else { return nil }
    return try ServerStory.past(tx, id: subject.id, projectID: project)
  }

  public func related(
    _ tx: Transaction, to subject: Mention.Key, for principal: Principal, limit: Int
  ) throws -> [Story.Related] {
    let which: SQL
    switch subject.kind {
    case "host": which = "node_id = \(subject.id)"
    case "image": which = "image_id = \(subject.id)"
    default: return []
    }
    return try ServerStory.mentions(tx, [which], for: principal, limit: limit, what: "").map {
      .init(ServerStory.kind, $0.key, name: $0.name)
    }
  }

  public func counts(_ tx: Transaction) throws -> [StoryCount] {
    try tx.query("SELECT status, count(*) FROM server GROUP BY status ORDER BY status") {
      StoryCount(kind: ServerStory.kind, status: $0.text(0), count: $0.int(1))
    }
  }
}
