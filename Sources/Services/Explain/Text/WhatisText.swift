import Contracts
import Kit

/// What a text stands for, for people.
struct WhatisText {
  let asked: String
  let found: [Mention]
  /// Names of projects by id.
  let projects: [String: String]
  /// Kinds that can be explained.
  let kinds: Set<String>

  var text: String {
    var page = TextPage()
    for mention in found {
      if !page.lines.isEmpty { page.blank() }
      let name = mention.name.isEmpty ? "" : " \(mention.name)"
      page.line("\(asked): \(mention.what)\(mention.what.hasSuffix(mention.name) ? "" : name)")
      page.row("  \(mention.key.kind.replacing("_", with: " "))", mention.key.id)
      if let project = mention.projectID { page.row("  project", projects[project] ?? project) }
      if kinds.contains(mention.key.kind) {
        page.row("  more", "haneul explain --kind \(mention.key.kind) \(mention.key.id)")
      }
    }
    return page.text
  }
}
