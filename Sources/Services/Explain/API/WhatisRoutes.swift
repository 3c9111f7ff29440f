import API
import Auth
import Contracts
import Kit
import Store

/// `/whatis/{text}`: what an id, address, MAC, name, interface, namespace, domain or request id stands for.
struct WhatisRoutes {
  let context: ExplainContext

  var routes: [Route] {
    [
      Route(.get, "/v1/whatis/{text}", Permission("haneul:whatis", .projectReader), query: .nothing) {
        try await whatis($0)
      }
    ]
  }

  private func whatis(_ call: Call) async throws -> Reply {
    let text = try call.parameter("text")
    let principal = try call.principal()
    await context.log.flush()
    let (found, projects) = try await context.store.read { [context] tx in
      let finder = Finder(context: context, principal: principal)
      let found = try finder.everything(tx, text)
      let projects = Set(found.compactMap(\.projectID))
      return (found, try context.identity.names(tx, users: [], projects: projects).projects)
    }
    guard !found.isEmpty else { throw Fault.notFound(missing(text)) }
    if call.wantsText {
      return .text(WhatisText(asked: text, found: found, projects: projects, kinds: context.kinds).text)
    }
    return .json { json in
      json.field("whatis", found) { json, mention in
        json.object {
          $0.mention(mention)
          $0.field("project_name", mention.projectID.flatMap { projects[$0] })
          $0.field("explain", context.kinds.contains(mention.key.kind) ? Links.explain(mention.key) : nil)
        }
      }
    }
  }

  /// Why nothing was found, where the text itself tells.
  private func missing(_ text: String) -> String {
    if HostName(text, tag: context.tag) != nil {
      return "\(text.quoted) is a name this cloud would give, but for nothing that is there and that you may see."
    }
    if text.wholeMatch(of: #/h[0-9a-f]{4}[btdrgx][0-9a-f]{0,9}|haneul-[0-9a-f]{4}-.+/#) != nil {
      return "\(text.quoted) is no name of this cloud, whose tag is \(context.tag), but looks like another cloud's."
    }
    return "Nothing that you may see is called \(text.quoted)."
  }
}
