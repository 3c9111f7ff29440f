import API
import Auth
import Contracts
import Kit
import Store
import Synchronization

/// Resources that stand for those of every service, and the routes that make and change them.
final class Shelf: StoryTeller {
  struct Item: Sendable {
    var story: Story
    /// Whether only its project sees it.
    var isShared = false
    /// It is told of by its records only.
    var isGone = false
    var addresses: [String] = []
    /// What it has to do with another service's.
    var relatedTo: [Mention.Key] = []
  }
  private let items = Mutex<[Item]>([])

  var storyKinds: Set<String> { ["server", "port", "network", "router", "floating_ip", "image"] }

  /// Puts a resource on the shelf; its id.
  @discardableResult
  func put(
    _ kind: String, _ name: String, id: String = Identifier.uuid(), project: String? = "p-demo",
    status: String = "ACTIVE", isShared: Bool = false, isGone: Bool = false, addresses: [String] = [],
    relatedTo: [Mention.Key] = [], _ change: (inout Story) -> Void = { _ in }
  ) -> String {
    var story = Story(
      Mention(.init(kind, id), name: name, projectID: project, what: kind), status: status, isOwn: true)
    story.objects = [.init(kind, id)]
    change(&story)
    let item = Item(
      story: story, isShared: isShared, isGone: isGone, addresses: addresses, relatedTo: relatedTo)
    items.withLock { $0.append(item) }
    return id
  }

  func remove(_ id: String) { items.withLock { $0.removeAll { $0.story.subject.key.id == id } } }

  private func visible(to principal: Principal) -> [Item] {
    items.withLock { $0 }.filter { item in
      principal.isAdmin || item.isShared || item.story.subject.projectID == principal.projectID
    }
  }

  func find(_ tx: Transaction, _ text: String, for principal: Principal, limit: Int) throws -> [Mention] {
    let range = Identifier.range(beginning: text)
    return visible(to: principal).filter { !$0.isGone }.filter { item in
      let subject = item.story.subject
      return subject.key.id == text || subject.name == text || item.addresses.contains(text)
        || range?.contains(subject.key.id) == true
    }.map(\.story.subject).prefix(limit).map { $0 }
  }

  func mentions(_ tx: Transaction, kind: String, ids: [String], for principal: Principal) throws -> [Mention] {
    visible(to: principal).map(\.story.subject).filter { $0.key.kind == kind && ids.contains($0.key.id) }
  }

  func story(_ tx: Transaction, _ subject: Mention.Key, for principal: Principal) throws -> Story? {
    visible(to: principal).first { $0.story.subject.key == subject && !$0.isGone }.map { item in
      var story = item.story
      story.isOwn = principal.isAdmin || item.story.subject.projectID == principal.projectID
      return story
    }
  }

  func past(_ tx: Transaction, _ subject: Mention.Key, for principal: Principal) throws -> Story? {
    visible(to: principal).first { $0.story.subject.key == subject && $0.isGone }?.story
  }

  func related(
    _ tx: Transaction, to subject: Mention.Key, for principal: Principal, limit: Int
  ) throws -> [Story.Related] {
    visible(to: principal).filter { $0.relatedTo.contains(subject) }.map(\.story.subject).map {
      .init($0.key.kind, $0.key, name: $0.name)
    }
  }

  func counts(_ tx: Transaction) throws -> [StoryCount] {
    Dictionary(grouping: items.withLock { $0 }) { $0.story.status }.map {
      StoryCount(kind: "server", status: $0.key, count: $0.value.count)
    }.sorted { $0.status < $1.status }
  }

  // MARK: A service's routes, for the request log

  static func api(_ shelf: Shelf) -> ServiceAPI {
    let member = Permission("shelf", .projectMember)
    return ServiceAPI(
      prefix: "network", faultStyle: .neutron,
      routes: [
        Route(.post, "/v2.0/ports", member, query: .unread, body: .needed(.any)) { call in
          let fields = try call.object("port")
          let id = shelf.put("port", try fields.string("name"), project: try call.projectID())
          return .json(201) { json in
            json.field("port") {
              $0.field("id", id)
              $0.field("secret", "answer-secret")
            }
          }
        },
        Route(.put, "/v2.0/floatingips/{id}", member, query: .unread, body: .needed(.any)) { call in
          let port = try call.object("floatingip").string("port_id")
          return .json { json in
            json.field("floatingip") {
              $0.field("id", call.parameters["id"])
              $0.field("port_id", port)
            }
          }
        },
        Route(.delete, "/v2.0/ports/{id}", member, query: .unread) { call in
          shelf.remove(try call.parameter("id"))
          return Reply(status: 204)
        },
        Route(.put, "/v2.0/ports/{id}", member, query: .unread) { _ in throw Fault.conflict("no") },
        Route(.post, "/v2.0/servers/{id}/action", member, query: .unread) { _ in Reply(status: 202) },
        Route(.get, "/v2.0/ports", member, query: .unread) { _ in .json { $0.field("ports", [String]()) } },
        Route(.post, "/v2.0/login", Permission("open", .open), query: .unread) { _ in
          .json { $0.field("id", Identifier.uuid()) }
        },
      ])
  }
}
