import Contracts
import Kit
import Store

/// The story of one floating address: what it points at, and the router that makes it so.
enum FloatingIPStory {
  static func tell(_ tx: Transaction, _ floating: FloatingIP, _ scope: Scope) throws -> Story {
    let finder = StoryFinder(tx: tx, scope: scope, limit: 10)
    var story = Story(finder.mention(floating), status: floating.status, isOwn: scope.owns(floating.standard))
    story.asked = [
      .init("address", floating.address),
      .init("points at", floating.fixedAddress.map { "\($0) of port \(floating.portID ?? "")" } ?? "nothing"),
    ]
    story.asker = .init(userID: nil, requestID: nil, at: floating.standard.createdAt)
    story.related = try finder.related("external network", Network.self, "id = \(floating.externalNetworkID)")
    if let router = floating.routerID {
      story.objects = [.init(Router.kind, router)]
      story.related += try finder.related("router", Router.self, "id = \(router)")
    }
    if let port = floating.portID {
      story.related += try finder.related("port", Port.self, "id = \(port)")
      if let details = floating.portDetails, details.deviceOwner.hasPrefix(DeviceOwner.computePrefix) {
        story.related.append(.init("server", .init("server", details.deviceID)))
      }
      if let details = floating.portDetails, details.status != "ACTIVE" {
        story.missing = [
          .init(what: "PortDown", why: "The port it points at is \(details.status): packets to it reach nobody.")
        ]
      }
    } else {
      story.next = ["It points at no port, so no packet reaches anybody: openstack server add floating ip SERVER IP"]
    }
    return story
  }
}
